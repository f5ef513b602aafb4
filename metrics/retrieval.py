"""Whether a caption finds its image among all images, for any matrix of scores.

Hodosh, Young and Hockenmaier, "Framing image description as a ranking task" (2013), section 4.

Shape legend: N captions, B images.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metrics.ngrams import Integers

RANKS = (1, 5, 10)
CELLS_AT_ONCE = 1 << 22  # of the matrix: bounds the memory beside it


def retrieval(score_NB: NDArray, image_of_caption_N: Sequence[int] | Integers) -> dict[str, float]:
    """Return how well captions find their images.

    `recall@1`, `recall@5`, `recall@10`: share of the captions whose image is among the first k, 0 to 1; `median-rank`:
    the middle one of the `true_ranks`, or the mean of the two in the middle. Arguments and errors as for `true_ranks`.
    """
    rank_N = true_ranks(score_NB, image_of_caption_N)
    recalls = {f"recall@{most}": float((rank_N <= most).mean()) for most in RANKS}
    return recalls | {"median-rank": float(np.median(rank_N))}


def true_ranks(score_NB: NDArray, image_of_caption_N: Sequence[int] | Integers) -> Integers:
    """Return the rank of each caption's image by the caption's scores, from 1: [N].

    One more than the *other* images that score at least as much: of equal scores the true image comes last, so that a
    matrix of one number finds nothing.

    Args:
        score_NB: How well each caption fits each image, more is better; may be a memory map, read in blocks.
        image_of_caption_N: The column of each caption's image.

    Raises:
        ValueError: The shapes do not fit, there is no caption, a column is outside, or a score is NaN.
    """
    column_N = np.asarray(image_of_caption_N)
    _check(score_NB, column_N)
    step = max(CELLS_AT_ONCE // score_NB.shape[1], 1)
    rank_N = np.empty(len(column_N), dtype=np.int64)
    for row in range(0, len(column_N), step):
        block = slice(row, row + step)
        rank_N[block] = _ranks(np.asarray(score_NB[block]), column_N[block], row)
    return rank_N


def _ranks(score_NB: NDArray, column_N: Integers, first_row: int) -> Integers:
    unknown = np.isnan(score_NB).any(axis=1)
    if unknown.any():
        raise ValueError(f"expected scores that are numbers, got NaN for caption {first_row + int(unknown.argmax())}")
    true_N1 = np.take_along_axis(score_NB, column_N[:, None], axis=1)
    return (score_NB >= true_N1).sum(axis=1)  # the true image is one of these


def _check(score_NB: NDArray, column_N: Integers) -> None:
    if score_NB.ndim != 2 or column_N.shape != (len(score_NB),) or not score_NB.size:
        raise ValueError(
            f"expected scores [captions, images] and the image of each caption, at least one, "
            f"got shapes {score_NB.shape} and {column_N.shape}"
        )
    if not np.issubdtype(column_N.dtype, np.integer) or not 0 <= column_N.min() <= column_N.max() < score_NB.shape[1]:
        raise ValueError(f"expected columns of the {score_NB.shape[1]} images in image_of_caption, got others")
