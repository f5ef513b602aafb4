"""The features of an image as they are kept."""

from typing import NamedTuple

from datamodules.feature_part import Kept


class FeatureShape(NamedTuple):
    """The features of one image: P positions of D features, or of a code each.

    Attributes:
        positions: P.
        width: D; 1 for codes.
        dtype: What they are kept as.
    """

    positions: int
    width: int
    dtype: Kept = "float16"
