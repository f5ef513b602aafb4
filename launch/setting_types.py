"""Settings against the annotations of what takes them: a wrong type or name is told before anything is built."""

import math
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypedDict, Union, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf

from utils.arguments import arguments_of
from utils.nested import walk

GROUPS = ("callbacks", "metrics")  # of parts that can be left out one by one
SIZES = re.compile(
    r"model\.(.*(dim|size|width|num_heads|num_slots|num_components|num_groups|num_codes|num_positions)|(en|de)coder\.num_layers)"
)
LARGEST_SEED = 2**32 - 1
PASSED_ON = {"logger.purge_step": int | None}  # by a class whose signature does not name them
OWN_VALUES = {"trainer.precision": ("auto",)}  # beside those that the class takes
NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "text", NoneType: "null"}


class RunSettings(TypedDict):
    """The settings of `train.yaml` that no class takes; each may be left out."""

    seed: int
    max_caption_length: int | None
    cache_dir: str
    resume: str | None
    ckpt_path: str | None
    pretrained_model: str | None
    pretrained_skip: str | None
    trusted_packages: list[str]
    allow_trained_images: bool
    test: bool
    monitor: str
    monitor_mode: Literal["min", "max"]
    optimized_metric: str | None


def refuse_wrong_settings(config: DictConfig) -> None:
    """Compare all settings of a job with the annotations of the classes and functions that they are for.

    Raises:
        ValueError: A setting has a type that is not taken, or a name that is unknown.
    """
    if "checkpoint" in config and config.max_caption_length is None:  # that of the checkpoint, which is read later
        config = OmegaConf.merge(config, {"max_caption_length": 1})  # type: ignore[assignment]
    settings = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(settings, dict)
    for name, hint in get_type_hints(RunSettings).items():
        if name in settings:
            refuse_wrong_type(name, settings[name], hint)
    if "seed" in settings and not 0 <= settings["seed"] <= LARGEST_SEED:
        raise ValueError(f"seed must be from 0 to {LARGEST_SEED}, got {settings['seed']}")
    refuse_impossible_numbers(settings.get("model"), "model")
    for group in GROUPS:
        for name, part in (settings.get(group) or {}).items():
            if not isinstance(part, dict):
                raise ValueError(
                    f"{group}.{name} must be settings with a _target_, got {part!r}; ~{group}.{name} leaves it out"
                )
    for name, part in walk(settings):
        if isinstance(part, dict) and "_target_" in part:
            _compare(part, name)


def refuse_impossible_numbers(settings: Any, name: str) -> None:
    """Refuse parts of a model that have no width or less than none, which some would be built with without a word.

    Raises:
        ValueError: A number is negative, or a size is 0.
    """
    if isinstance(settings, Mapping):
        for key, value in settings.items():
            refuse_impossible_numbers(value, f"{name}.{key}")
    elif isinstance(settings, int | float) and not name.endswith("last_epoch"):  # of PyTorch's schedulers: -1 begins
        least = 1 if SIZES.fullmatch(name) else 0
        if settings < least:
            raise ValueError(f"{name} must be {least} or more, got {settings}")


def _compare(settings: Mapping[str, Any], name: str) -> None:
    arguments = arguments_of(settings["_target_"])
    if arguments is None:
        return
    takes_any = any(argument.kind is argument.VAR_KEYWORD for argument in arguments.values())
    for key, value in settings.items():
        if value in OWN_VALUES.get(f"{name}.{key}", ()):
            continue
        if f"{name}.{key}" in PASSED_ON:
            refuse_wrong_type(f"{name}.{key}", value, PASSED_ON[f"{name}.{key}"])
        elif key in arguments:
            argument = arguments[key]
            hint = argument.annotation if argument.default is not None else argument.annotation | None
            refuse_wrong_type(f"{name}.{key}", value, hint)
        elif not key.startswith("_") and not takes_any:
            similar = get_close_matches(key, arguments, n=3) or [*arguments]
            raise ValueError(
                f"{name}.{key} is not a setting of {settings['_target_']}; expected one such as {', '.join(similar)}"
            )


def refuse_wrong_type(name: str, value: Any, hint: Any) -> None:
    """Refuse a value that no part of an annotation takes; annotations of classes take what names a `_target_`.

    Raises:
        ValueError: The value is of another type, or not a number at all.
    """
    if not fits(value, hint):
        printed = "null" if value is None else f"{value!r}"
        raise ValueError(f"{name} must be {_described(hint)}, got {printed}")


def fits(value: Any, hint: Any) -> bool:
    """Return whether an annotation takes a value that was read from YAML."""
    if get_origin(hint) in (Union, UnionType):
        return any(fits(value, part) for part in get_args(hint))
    if get_origin(hint) is Literal:
        return any(value == choice and type(value) is type(choice) for choice in get_args(hint))
    if hint in (bool, str, NoneType):
        return isinstance(value, hint)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
    kind = get_origin(hint) or hint
    if not isinstance(kind, type) or isinstance(value, dict):
        return True  # Any, a type variable; or settings of a part, which are looked at by themselves
    if isinstance(value, list):
        if len(get_args(hint)) == 1 and not all(fits(item, get_args(hint)[0]) for item in value):
            return False
        return kind is object or any(issubclass(sequence, kind) for sequence in (list, tuple))
    return kind is object or (kind is Path and isinstance(value, str))


def _described(hint: Any) -> str:
    """Return what an annotation takes, in words."""
    if get_origin(hint) in (Union, UnionType):
        parts = [_described(part) for part in get_args(hint) if part is not NoneType]
        return " or ".join(dict.fromkeys([*parts, *(["null"] if NoneType in get_args(hint) else [])]))
    if get_origin(hint) is Literal:
        return " or ".join(map(str, get_args(hint)))
    if hint in NAMES:
        return NAMES[hint]
    if hint is Path:
        return NAMES[str]
    kind = get_origin(hint) or hint
    if not (isinstance(kind, type) and issubclass(kind, Sequence)):
        return "settings with a _target_"
    return f"a list of {_described(get_args(hint)[0])}" if len(get_args(hint)) == 1 else "a list"
