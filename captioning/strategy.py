"""From options to a strategy and a ranker: what conf/generation and conf/ranking offer, with single keys changed."""

import argparse
from pathlib import Path
from types import UnionType
from typing import Any, get_args

from hydra import compose, initialize_config_dir
from hydra.errors import InstantiationException
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from captioning.arguments import CONF
from lightning_modules.generation import Beam
from utils.arguments import arguments_of
from utils.errors import cause_of, first_line
from utils.suggestions import did_you_mean

DEFAULT_NUM = 5
NAMED = ("temperature", "top_k", "top_p", "filter_thres")
"""Keys of strategies that have an option of their own."""

Settings = dict[str, Any]
"""What Hydra builds an object of."""


def load_option(group: str, name: str) -> Settings:
    """Return an option of a config group, with the options that it is made of.

    `max_length` is None where it is the root's `max_caption_length` (see `with_max_length`).
    """
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(f"{group}/{name}", ["+max_caption_length=null"])
        settings = OmegaConf.to_container(config[group], resolve=True)
    assert isinstance(settings, dict)
    return {str(key): value for key, value in settings.items()}


def build(settings: Settings) -> Any:
    """Instantiate what the settings name.

    Raises:
        ValueError: A setting is out of its range.
    """
    try:
        return instantiate(settings)
    except InstantiationException as error:
        raise ValueError(first_line(cause_of(error))) from error


def strategy_settings(options: argparse.Namespace) -> list[Settings]:
    """Return the strategies that generate captions, one after the other.

    Raises:
        ValueError: The strategy has no such setting.
    """
    name = _strategy_name(options)
    if name is not None:
        return [_changed(name, options, options.num)]
    if options.set:
        raise ValueError(f"--set {options.set[0]}: expected a --strategy whose setting it is; name one")
    num = DEFAULT_NUM if options.num is None else options.num
    if num < 1:
        raise ValueError(f"--num {num}: expected at least 1")
    samples = [_changed("sample", options, num - 1)] if num > 1 else []
    return [load_option("generation", "greedy"), *samples]


def _strategy_name(options: argparse.Namespace) -> str | None:
    """Return the strategy that is named or, the first that holds, implied; None for the greedy caption and samples."""
    styles = (options.style, options.style_from, options.traverse)
    implied = {
        "constrained_beam": options.words is not None,
        "sample": options.rank is not None,
        "greedy": any(style is not None for style in styles),
    }
    return options.strategy or next((name for name, holds in implied.items() if holds), None)


def _changed(name: str, options: argparse.Namespace, num: int | None) -> Settings:
    """Return a strategy's settings with those that the command line changes."""
    settings = load_option("generation", name)
    if "num" in settings:
        settings["num"] = settings["num"] if num is None else num
    elif "strategies" in settings and num is not None:
        raise ValueError(
            f"--num {num}: strategy {name} generates the captions of {' and '.join(settings['strategies'])}; set their "
            f"numbers, such as --set strategies.sample.num={num}"
        )
    elif num not in (None, 1):
        raise ValueError(
            f"--num {num}: strategy {name} makes one caption, expected 1; leave it out, or choose another --strategy"
        )
    for key in NAMED:
        value = getattr(options, key)
        if value is not None:
            set_key(settings, key, value, f"strategy {name}", f"--{key.replace('_', '-')}")
    given = dict(_parse(text) for text in options.set)
    for key, value in given.items():
        set_key(settings, key, value, f"strategy {name}", f"--set {key}={value}")
    if is_beam(settings) and "beam_size" not in given:
        _widen(settings)
    return settings


def is_beam(settings: Settings) -> bool:
    """Return whether a strategy searches with beams for all of an image's captions, and ranks them."""
    return issubclass(get_class(settings["_target_"]), Beam)


def _widen(settings: Settings) -> None:
    """Give a beam as many captions as are wanted of it, its groups equally many."""
    groups = max(1, settings.get("num_groups", 1))
    if settings["num"] > settings["beam_size"]:
        settings["beam_size"] = -(-settings["num"] // groups) * groups


def _parse_of_ranking(text: str) -> tuple[str, Any]:
    return _parse(text, "--rank-set", "neighbours=words")


def _parse(text: str, option: str = "--set", example: str = "length_penalty=0.9") -> tuple[str, Any]:
    """Read KEY=VALUE, the value as YAML."""
    key, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{option} {text}: expected KEY=VALUE, such as {example}")
    try:
        return key, OmegaConf.to_container(OmegaConf.from_dotlist([f"value={value}"]), resolve=True)["value"]  # type: ignore[index, call-overload]
    except (YAMLError, OmegaConfBaseException) as error:
        raise ValueError(f"{option} {text}: expected a value as in YAML, such as 3, null or [a, b]") from error


def set_key(settings: Settings, key: str, value: Any, name: str, option: str) -> None:
    """Change a key of a strategy's settings.

    Args:
        settings: Of the strategy; changed in place.
        key: Which.
        value: Its new value.
        name: What errors call what is set, such as `strategy beam`.
        option: What the command line has given.

    Raises:
        ValueError: The strategy has no such key, or the value is of the wrong kind.
    """
    part, dot, inner = key.partition(".")
    if dot and isinstance(settings.get(part), dict):
        set_key(settings[part], inner, value, f"{name}.{part}", option)
        return
    keys = [own for own in settings if not own.startswith("_")]
    if key not in keys:
        raise ValueError(f"{option}: {name} has no {key}{did_you_mean(key, keys)}; it has {', '.join(keys)}")
    expected = _types(settings, key)
    if expected and not _fits(value, expected):
        kinds = " or ".join("null" if kind is type(None) else kind.__name__ for kind in expected)
        raise ValueError(f"{option}: expected {kinds}, got {value!r}")
    settings[key] = value


def _types(settings: Settings, key: str) -> tuple[type, ...]:
    """Return the types that a setting may have; none where its constructor checks more than a type."""
    if "_target_" not in settings:
        return ()
    hint = (arguments_of(settings["_target_"]) or {})[key].annotation
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return kinds if all(kind in (int, float, bool, str, type(None)) for kind in kinds) else ()


def _fits(value: Any, kinds: tuple[type, ...]) -> bool:
    return type(value) in kinds or (type(value) is int and float in kinds)


def ranking_settings(options: argparse.Namespace) -> Settings | None:
    """Return the ranking that puts the best captions first; None for none.

    Raises:
        ValueError: An index is given that no ranking reads, or a key that it does not have.
    """
    settings = None if options.rank is None else load_option("ranking", options.rank)
    for key, value in map(_parse_of_ranking, options.rank_set):
        if settings is None:
            raise ValueError(f"--rank-set {key}={value}: expected a --rank whose setting it is; name one")
        set_key(settings, key, value, f"ranking {options.rank}", f"--rank-set {key}={value}")
    if options.index is None:
        return settings
    if settings is None or not indexes_of(settings):
        raise ValueError(f"--index {options.index}: expected a --rank that reads it: consensus, diverse, mbr or mix")
    return with_index(settings, str(options.index))


def with_max_length(settings: Settings, max_length: int) -> Settings:
    """Return the settings, those of parts too, with the length of captions where none was given."""
    changed = {"max_length": max_length} if "max_length" in settings and settings["max_length"] is None else {}
    parts = {key: with_max_length(part, max_length) for key, part in settings.items() if isinstance(part, dict)}
    return {**settings, **parts, **changed}


def with_index(settings: Settings, index: str) -> Settings:
    """Return the settings with another index wherever a ranking has one."""
    changed = {"index": index} if "index" in settings else {}
    parts = {key: with_index(part, index) for key, part in settings.items() if isinstance(part, dict)}
    return {**settings, **parts, **changed}


def indexes_of(settings: Settings) -> list[Path]:
    """Return the files of training images that a ranking reads."""
    own = [Path(settings["index"])] if "index" in settings else []
    return [*own, *(path for part in settings.values() if isinstance(part, dict) for path in indexes_of(part))]
