"""How large the features of an image are."""

from typing import NamedTuple


class FeatureShape(NamedTuple):
    """The features of one image: P positions of D features."""

    positions: int
    width: int
