"""A score over the captions of each image: of one drawn at random, of the worst and of the best.

Shape legend: N captions, image by image, B images.
"""

from typing import NamedTuple

import numpy as np

from metrics.ngrams import Floats, Integers


class Spread(NamedTuple):
    """A score over the captions of each image.

    Attributes:
        mean_B: Of a caption drawn at random.
        min_B: Of the worst caption.
        oracle_B: Of the best caption, as if someone who knows the references chose it.
    """

    mean_B: Floats
    min_B: Floats
    oracle_B: Floats


def spread(score_N: Floats, image_of_caption_N: Integers) -> Spread:
    """Return mean, minimum and maximum of a score over the captions of each image.

    Args:
        score_N: A score of each caption.
        image_of_caption_N: The image of each caption, from 0; non-decreasing, every image has a caption.
    """
    starts_B = np.flatnonzero(np.diff(image_of_caption_N, prepend=-1))
    counts_B = np.diff(starts_B, append=len(score_N))
    mean_B = np.add.reduceat(score_N, starts_B) / counts_B
    return Spread(mean_B, np.minimum.reduceat(score_N, starts_B), np.maximum.reduceat(score_N, starts_B))
