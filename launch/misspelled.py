"""What is wrong with a Hydra command line, and what misspelled groups, options and keys may have been meant to be."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from launch.help import CONF, options_of_groups
from utils.display import flatten
from utils.errors import first_line
from utils.shell import overrides_of
from utils.suggestions import nearest

SIGNS = "+~"  # before a name: add it, take it away
SEARCHED = "Config search path:"  # how Hydra begins where it lists where it has looked for an option


def mistake_in(config_name: str, arguments: Sequence[str], error: Exception) -> str:
    """Return in one line what Hydra cannot compose, and what the name that it stumbles over may have been meant to be.

    Args:
        config_name: Of the script's config in `conf/`.
        arguments: The command line.
        error: What Hydra has raised.
    """
    text = str(error).partition(SEARCHED)[0]
    for given, meant in meant_instead(config_name, [*overrides_of(arguments)]):
        name, _, option = given.lstrip(SIGNS).partition("=")
        if f"'{name}'" in text or f"'{name}/{option}'" in text:
            return f"{given}: there is no such setting; did you mean {meant}?"
    cause = [first_line(error.__cause__)] if isinstance(error.__cause__, OmegaConfBaseException) else []
    return "; ".join([" ".join(text.split()), *cause])


def meant_instead(config_name: str, overrides: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each override that `conf/` does not know, and the one that is most like it.

    Args:
        config_name: Of the script's config in `conf/`.
        overrides: Such as `data.bath_size=8`.
    """
    options = options_of_groups()
    keys = _keys(config_name, [text for text in overrides if _is_choice(text, options)])
    for text in overrides:
        name, equals, value = text.lstrip(SIGNS).partition("=")
        sign = text[: -len(text.lstrip(SIGNS))]
        group = name.partition("@")[0]
        if group in options:
            meant = None if _is_choice(text, options) else nearest(value, options[group])
            if meant is not None:
                yield text, f"{sign}{name}={meant}"
        elif not text.startswith(("+", "hydra")) and name not in keys:
            meant = _like(name, [*keys, *options])
            if meant is not None:
                yield text, f"{sign}{meant}{equals}{value}"


def _is_choice(text: str, options: Mapping[str, Sequence[str]]) -> bool:
    name, _, value = text.lstrip(SIGNS).partition("=")
    known = options.get(name.partition("@")[0], ())
    return bool(known) and all(option in (*known, "null", "") for option in value.split(","))


def _like(name: str, known: Sequence[str]) -> str | None:
    """Return the name that ends like this one, if there is one alone; else the one that is most like it."""
    same_end = [other for other in known if other.endswith(f".{name}")]
    return same_end[0] if len(same_end) == 1 else nearest(name, [other for other in known if _may_be(name, other)])


def _may_be(name: str, other: str) -> bool:
    """Return whether a key's last part is like that of another key, and each part where they have equally many."""
    parts, others = name.split("."), other.split(".")
    pairs = zip(parts, others, strict=True) if len(parts) == len(others) else [(parts[-1], others[-1])]
    return all(nearest(part, [like]) for part, like in pairs)


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
