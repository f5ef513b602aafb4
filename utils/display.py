"""How names, paths and settings are shown; also names that are no text, on terminals that lack letters."""

import io
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

SHOWN = 3  # names, where a line has no room for all


def show_any_text() -> None:
    r"""Let stdout and stderr write what their encoding lacks as `\xe9` and the like, where they would raise."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def as_unicode(text: str) -> str:
    """Return a text in which lone surrogates, as names of files have them for bytes that are no text, are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def first_names(names: Sequence[object]) -> str:
    """Return the first names, and whether there are more."""
    return listed(names[:SHOWN], len(names))


def listed(first: Iterable[object], num: int) -> str:
    """Return the first `SHOWN` of `num` names, and whether there are more."""
    return f"{', '.join(map(str, first))}{', …' if num > SHOWN else ''}"


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings as one level: `{"model.optimizer.lr": 0.002, …}`; lists as text."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = as_unicode(str(value)) if isinstance(value, list | str) else value
    return flat


def shown(path: str | Path) -> str:
    """Return a path as one would type it from here."""
    path = Path(path)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def duration(seconds: float) -> str:
    """Return a time in the words that one would say it in: `48 s`, `6 min`, `1 h 20 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours:,} h {rest} min" if hours else f"{minutes} min"
