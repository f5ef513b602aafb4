"""`--help` of the scripts that Hydra runs: as Hydra prints it, in a quarter of the time."""

from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from utils.display import show_any_text

CONF = Path(__file__).resolve().parents[1] / "conf"
ASKS = ("--help", "-h")
OF_HYDRA = ("hydra", "hydra_plugins")  # folders of conf/ whose options `--hydra-help` lists

TEXT = """{script} is powered by Hydra.

== Configuration groups ==
Compose your configuration from those groups (group=option)

{groups}


== Config ==
Override anything in the config (foo.bar=value)

{config}

Powered by Hydra (https://hydra.cc)
Use --hydra-help to view Hydra specific help
"""


def asks_for_help(arguments: Sequence[str]) -> bool:
    """Return whether help is asked for, and all else are settings of groups and keys of `conf/`."""
    others = [argument for argument in arguments if argument not in ASKS]
    from_elsewhere = any(other.startswith("-") or "hydra.searchpath" in other for other in others)
    return len(others) < len(arguments) and not from_elsewhere


def print_help(name: str, arguments: Sequence[str]) -> None:
    """Print all groups with their options, and the config that the settings compose.

    Args:
        name: Of the script, and of its config in `conf/`.
        arguments: Those of the command line.

    Raises:
        hydra.errors.HydraException: A setting is wrong.
    """
    show_any_text()
    print(help_text(name, [argument for argument in arguments if argument not in ASKS]), end="")


def help_text(name: str, overrides: Sequence[str]) -> str:
    """Return what `print_help` prints.

    Raises:
        hydra.errors.HydraException: A setting is wrong.
    """
    groups = "\n".join(f"{group}: {', '.join(names)}" for group, names in sorted(options_of_groups().items()))
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_yaml(compose(name, [*overrides]), resolve=False)
    return TEXT.format(script=name, groups=groups, config=config)


def options_of_groups() -> dict[str, list[str]]:
    """Return the options of each of our groups."""
    options: dict[str, list[str]] = {}
    for file in sorted(CONF.rglob("*.yaml")):
        group = file.relative_to(CONF).parent
        if group.parts and group.parts[0] not in OF_HYDRA:
            options.setdefault(group.as_posix(), []).append(file.stem)
    return options
