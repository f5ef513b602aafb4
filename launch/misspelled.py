"""What misspelled groups, options and keys of a Hydra command line may have been meant to be."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf

from launch.help import CONF, options_of_groups
from utils.display import flatten
from utils.shell import overrides_of
from utils.suggestions import nearest


def tell_meant(config_name: str, arguments: Sequence[str]) -> None:
    """Print what arguments that `conf/` does not know may have been meant to be; nothing where all are known."""
    for given, meant in meant_instead(config_name, [*overrides_of(arguments)]):
        print(f"{given}: did you mean {meant}?", file=sys.stderr)


def meant_instead(config_name: str, overrides: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each override that `conf/` does not know, and the one that is most like it.

    Args:
        config_name: Of the script's config in `conf/`.
        overrides: Such as `data.bath_size=8`.
    """
    options = options_of_groups()
    keys = _keys(config_name, [text for text in overrides if _is_choice(text, options)])
    for text in overrides:
        name, equals, value = text.lstrip("+~").partition("=")
        group = name.partition("@")[0]
        if group in options:
            meant = None if _is_choice(text, options) else nearest(value, options[group])
            if meant is not None:
                yield text, f"{name}={meant}"
        elif not text.startswith(("+", "hydra")) and name not in keys:
            meant = _like(name, [*keys, *options])
            if meant is not None:
                yield text, f"{meant}{equals}{value}"


def _is_choice(text: str, options: Mapping[str, Sequence[str]]) -> bool:
    name, _, value = text.lstrip("+~").partition("=")
    known = options.get(name.partition("@")[0], ())
    return bool(known) and all(option in (*known, "null", "") for option in value.split(","))


def _like(name: str, known: Sequence[str]) -> str | None:
    """Return the name that ends like this one, if there is one alone; else the one that is most like it."""
    same_end = [other for other in known if other.endswith(f".{name}")]
    return same_end[0] if len(same_end) == 1 else nearest(name, known)


def _keys(config_name: str, choices: Sequence[str]) -> list[str]:
    """Return the keys of the config that these choices of options make, and of the nodes that hold them."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        try:
            config = compose(config_name, [text for text in choices if "," not in text])
        except HydraException:
            config = compose(config_name)
    leaves = flatten(OmegaConf.to_container(config, resolve=False))  # type: ignore[arg-type]
    nodes = {Path(key.replace(".", "/")).parent.as_posix().replace("/", ".") for key in leaves}
    return [*leaves, *(nodes - {"."})]
