"""Captions that a model draws of the images whose captions are ranked: what it believes could be true of them."""

from collections.abc import Sequence

import numpy as np

from lightning_modules.base import CaptioningModule
from lightning_modules.generation import Sample
from lightning_modules.ranking.ranker import Candidates
from metrics import ptb_tokenize
from metrics.ngrams import Integers, Tokens
from utils.progress import SHOWN_AFTER, progress_bar
from utils.seeding import generators_of_images, image_digests

SEED = 0  # of what is drawn of each image


def drawn_captions(
    captioner: CaptioningModule, candidates: Candidates, *, num: int, temperature: float, max_length: int
) -> list[list[Tokens]]:
    """Draw captions of each image, words and codes; the same ones whenever the same are asked for.

    Rankers that are added up share them.

    Args:
        captioner: The model.
        candidates: The images, and where drawn captions are kept.
        num: Captions of each image.
        temperature: Of their words.
        max_length: Most tokens of one.
    """
    kept, key = candidates.drawn, (num, temperature, max_length)
    if kept is None or key not in kept:
        drawing = Sample(num=num, temperature=temperature, max_length=max_length)
        generators = generators_of_images(SEED, image_digests(candidates.images_BCHW))
        drawn = tokenized(captioner.generate(candidates.features_BPD, drawing, generators=generators).captions)
        if kept is None:
            return drawn
        kept[key] = drawn
    return kept[key]


def tokenized(captions: Sequence[Sequence[str]]) -> list[list[Tokens]]:
    """Return the captions of each image as metrics read them."""
    bar = progress_bar(captions, desc="tokenizing captions", unit="image", delay=SHOWN_AFTER, leave=False)
    return [[ptb_tokenize(caption) for caption in of_image] for of_image in bar]


def image_of_captions(captions: Sequence[Sequence[object]]) -> Integers:
    """Return for each caption, image by image, the number of its image: [N]."""
    return np.repeat(np.arange(len(captions)), [*map(len, captions)])
