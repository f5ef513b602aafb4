"""Whether an image's captions, one and all, find their image among others by the model's own likelihood.

A caption that would do for many images finds none of them. As a measure of captions: Dai and Lin, "Contrastive Learning
for Image Captioning" (2017); the ranking is that of `metrics.retrieval`.

Shape legend: N captions, image by image, B images.
"""

import numpy as np
from numpy.typing import NDArray

from metrics.ngrams import Integers
from metrics.retrieval import RANKS, retrieval, true_ranks
from metrics.spread import spread


def self_retrieval(score_NB: NDArray, image_of_caption_N: Integers) -> dict[str, float]:
    """Return how well captions find their images, and how often all captions of an image do.

    `recall@1`, `recall@5`, `recall@10` and `median-rank` as of `retrieval`; `all@1`, `all@5` and `all@10`: share of the
    images that each of their captions finds among the first k, 0 to 1.

    Args:
        score_NB: log P(caption | image), or any score of how well each caption fits each image, more is better.
        image_of_caption_N: The column of each caption's image; non-decreasing, every image has a caption.

    Raises:
        ValueError: As `true_ranks` does.
    """
    results = retrieval(score_NB, image_of_caption_N)
    worst_B = -spread(-true_ranks(score_NB, image_of_caption_N).astype(np.float64), image_of_caption_N).min_B
    return results | {f"all@{most}": float((worst_B <= most).mean()) for most in RANKS}
