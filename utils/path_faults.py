"""What to say where a file or folder that comes from a setting cannot be used."""

import errno
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)
ARGUMENTS = ("checkpoint", "results", "references")  # of scripts, which have no option's name before them
MISNAMED = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP)


def path_fault(error: BaseException, settings: Mapping[str, str]) -> str | None:
    """Return in one line which path cannot be used, and which setting to change; None if the error is another.

    Args:
        error: What was raised.
        settings: What a path may come from, as one writes it (`cache_dir=`, `--out `), and its value.
    """
    if not isinstance(error, OSError) or error.errno not in (*FULL, *FORBIDDEN, *MISNAMED) or not error.strerror:
        return None
    path = "" if error.filename is None else os.fsdecode(error.filename)
    setting = _setting_of(path, settings) if path else None
    if setting is None:
        advice = "make room" if error.errno in FULL else "check the path and its permissions"
        return f"{path + ': ' if path else ''}{error.strerror}; {advice}"
    where = "" if _absolute(settings[setting]) == _absolute(path) else f": {path}"
    return f"{setting}{settings[setting]} {_verb(error, path)} ({error.strerror}{where}); {_remedy(error, setting)}"


def error_line(error: BaseException, options: Any) -> str:
    """Return what a script that has a command line of its own ends with on a user's mistake.

    Args:
        error: What was raised.
        options: The script's options.
    """
    return f"error: {path_fault(error, options_of(options)) or ' '.join(str(error).split())}"


def settings_of(config: object) -> dict[str, str]:
    """Return the texts of a Hydra job's config that may be paths, with the folder of its outputs first."""
    if not isinstance(config, DictConfig):
        return {}
    settings = dict(_flat(OmegaConf.to_container(config, resolve=False)))
    if not HydraConfig.initialized():
        return settings
    hydra = HydraConfig.get()
    own = {"hydra.sweep.dir=": hydra.sweep.dir} if hydra.mode == RunMode.MULTIRUN else {}
    return own | {"hydra.run.dir=": hydra.runtime.output_dir} | settings


def options_of(options: Any) -> dict[str, str]:
    """Return the options of a command line that name files, and their values."""
    given = {name: value for name, value in vars(options).items() if name not in ARGUMENTS}
    return {f"--{name.replace('_', '-')} ": str(value) for name, value in given.items() if isinstance(value, Path)}


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, str) and value and "${" not in value:
        yield f"{prefix}=", value


def _setting_of(path: str, settings: Mapping[str, str]) -> str | None:
    """Return the setting that names the path, the folder nearest above it, or else something below it."""
    fault = Path(_absolute(path))
    above = [name for name, value in settings.items() if fault.is_relative_to(_absolute(value))]
    below = [name for name, value in settings.items() if Path(_absolute(value)).is_relative_to(fault)]
    nearest = max(above, key=lambda name: len(_absolute(settings[name])), default=None)
    return nearest or next(iter(below), None)


def _absolute(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100 (`..` counts by name, as in the message)


def _verb(error: OSError, path: str) -> str:
    if error.errno in FULL or error.errno == errno.EROFS:
        return "cannot be written"
    if error.errno in FORBIDDEN and Path(path).exists():
        return "cannot be written" if os.access(path, os.R_OK) else "cannot be read"
    return "cannot be used"


def _remedy(error: OSError, setting: str) -> str:
    name = setting.strip()
    if error.errno in FULL:
        return f"make room, or choose a place on another disk with {name}"
    if error.errno == errno.ENAMETOOLONG:
        return f"choose a shorter path with {name}"
    return f"choose another with {name}"
