"""Chooses images to show: the best, the worst, and some at random."""

import random
from collections.abc import Mapping, Sequence

import numpy as np

from datamodules.split import CaptionSplit
from evaluation.generate_split import NumberedCaptions
from evaluation.reconstruction import reconstruct_from_first
from evaluation.report.contents import ShownCaption, ShownImage
from lightning_modules import CaptioningModule
from metrics.ngrams import Floats


def make_gallery(
    captioner: CaptioningModule,
    split: CaptionSplit,
    generated: Sequence[NumberedCaptions],
    cider_d: Sequence[Floats],
    *,
    num_images: int,
    seed: int,
) -> dict[str, list[ShownImage]]:
    """Return sections of images with all captions that were generated for them.

    Args:
        captioner: Reconstructs the images.
        split: Where they are from.
        generated: The captions of each.
        cider_d: CIDEr-D of each caption of each.
        num_images: Images of each section.
        seed: Of those at random.
    """
    sections = choose([float(np.mean(scores)) for scores in cider_d], num_images, seed)
    return {
        title: [_shown(captioner, split, generated[place], cider_d[place]) for place in places]
        for title, places in sections.items()
    }


def choose(means: Sequence[float], num: int, seed: int) -> Mapping[str, list[int]]:
    """Return which places the best and the worst means have, in falling and rising order, and some at random."""
    falling = sorted(range(len(means)), key=lambda place: -means[place])
    return {
        "Best": falling[:num],
        "Worst": falling[::-1][:num],
        "At random": sorted(random.Random(seed).sample(range(len(means)), min(num, len(means)))),
    }


def _shown(captioner: CaptioningModule, split: CaptionSplit, image: NumberedCaptions, cider_d: Floats) -> ShownImage:
    number, generated = image
    reconstruction_1CHW = reconstruct_from_first(captioner, [generated])
    return ShownImage(
        name=str(split.image_names[number]),
        image_3HW=split.load_image(number),
        reconstruction_3HW=None if reconstruction_1CHW is None else reconstruction_1CHW[0],
        captions=[
            ShownCaption(*caption)
            for caption in zip(
                generated.captions, cider_d.tolist(), generated.log_probabilities, generated.finished, strict=True
            )
        ],
        references=list(split.captions[number]),
        mean_cider_d=float(np.mean(cider_d)),
    )
