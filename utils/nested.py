"""Settings within settings."""

from collections.abc import Iterator, Mapping
from typing import Any


def walk(settings: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield settings and all that is within them, the outermost first, each with its name (`callbacks.own[0].every`).

    Args:
        settings: Mappings, lists and plain values.
        name: What the outermost is called.
    """
    yield name, settings
    if isinstance(settings, Mapping):
        for key, value in settings.items():
            yield from walk(value, f"{name}.{key}" if name else str(key))
    elif isinstance(settings, list | tuple):
        for number, value in enumerate(settings):
            yield from walk(value, f"{name}[{number}]")


def is_target(name: str) -> bool:
    """Return whether a setting with this name says which class or function its neighbours are for."""
    return name.rpartition(".")[2] == "_target_"
