"""`~` at the start of a path means the home folder in every setting, wherever the setting was written."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf, flag_override


def in_home(path: str) -> str:
    """Return a path with the home folder in place of a `~` at its start."""
    begins = path == "~" or path.startswith("~/")
    return str(Path(path).expanduser()) if begins else path


def user_path(text: str) -> Path:
    """Read a path from a command line."""
    return Path(in_home(text))


def refuse_bare_tilde(arguments: Sequence[str]) -> None:
    """End with one line where a command line has `key=~/…` without quotes, which Hydra's grammar does not read."""
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if equals and (value == "~" or value.startswith("~/")):
            written_out = f"{key}=$HOME{value[1:]}"
            print(f"error: {argument}: Hydra does not read ~ here; write {written_out}", file=sys.stderr)
            raise SystemExit(1)


def expand_home(config: DictConfig) -> DictConfig:
    """Put the home folder in place of `~` in all settings, and return them."""
    with flag_override(config, ["readonly", "struct"], [False, False]):
        for node, key, text in _texts(config):
            if in_home(text) != text:
                node[key] = in_home(text)
    return config


def _texts(config: DictConfig | ListConfig) -> Iterator[tuple[Any, Any, str]]:
    """Yield each text that a config holds itself, not by interpolation: where it is, its key, and the text."""
    keys: Any = list(config) if isinstance(config, DictConfig) else range(len(config))
    for key in keys:
        if OmegaConf.is_missing(config, key) or OmegaConf.is_interpolation(config, key):
            continue
        value = config[key]
        if isinstance(value, DictConfig | ListConfig):
            yield from _texts(value)
        elif isinstance(value, str):
            yield config, key, value
