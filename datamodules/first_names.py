"""The first of many names, for a line that has no room for all."""

from collections.abc import Iterable, Sequence

SHOWN = 3


def first_names(names: Sequence[object]) -> str:
    """Return the first names, and whether there are more."""
    return listed(names[:SHOWN], len(names))


def listed(first: Iterable[object], num: int) -> str:
    """Return the first `SHOWN` of `num` names, and whether there are more."""
    return f"{', '.join(map(str, first))}{', …' if num > SHOWN else ''}"
