"""Globs as in a shell: `*`, `?` and `[…]` within a name, `**` for any depth of folders, hidden names by name alone.

Unlike Python's own `glob`, which never ends where links lead in circles, each folder is entered once.
"""

import fnmatch
import glob
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

COMPANIONS = frozenset(("__MACOSX", "@eaDir"))  # folders of what macOS and Synology keep beside pictures


def matches(pattern: Path) -> list[Path]:
    """Return the files and folders that a glob means, sorted; a folder that is there is no glob, whatever its name."""
    start = Path(pattern.anchor)
    return sorted(_matches(start, pattern.relative_to(start).parts))


def _matches(folder: Path, parts: Sequence[str]) -> Iterator[Path]:
    if not parts:
        yield folder
        return
    first, *rest = parts
    if first == "**":
        for inner in _folders_in(folder):
            yield from _matches(inner, rest)
    elif glob.has_magic(first) and not (rest and (folder / first).is_dir()):
        for name in fnmatch.filter(_names_in(folder), first):
            hidden = name.startswith(".") and not first.startswith(".")
            if not hidden and name not in COMPANIONS and (not rest or (folder / name).is_dir()):
                yield from _matches(folder / name, rest)
    elif os.path.lexists(folder / first):
        yield from _matches(folder / first, rest)


def _names_in(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 (fnmatch wants names)
    except OSError as error:
        _tell(error)
        return []


def _folders_in(folder: Path) -> Iterator[Path]:
    """Yield a folder and all that are in it, at any depth, but for hidden ones and companions."""
    seen = set()
    for found, names, _ in os.walk(folder, followlinks=True, onerror=_tell):
        real = os.path.realpath(found)
        if real in seen:
            names.clear()
            continue
        seen.add(real)
        names[:] = sorted(name for name in names if not name.startswith(".") and name not in COMPANIONS)
        yield Path(found)


def _tell(error: OSError) -> None:
    print(f"{error.filename}: left out ({error.strerror})", file=sys.stderr)
