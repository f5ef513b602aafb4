"""What the style code does: one dimension changed at a time, and the style of one image with the content of another.

Shape legend: B images, S style, K values or styles.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from datamodules.split import CaptionSplit
from evaluation.generate_split import EncodedBatch
from evaluation.report.contents import Saying, Swaps, Traversal
from lightning_modules import VariationalCaptioner
from lightning_modules.generation import Greedy, traverse_style


def busiest_dimensions(
    captioner: VariationalCaptioner, batches: Sequence[EncodedBatch], split: CaptionSplit, num: int
) -> list[int]:
    """Return the dimensions of the style that say most of people's captions, falling: those of the highest mean KL."""
    kl_NS = []
    for batch in batches:
        captions = [split.captions[number] for number in batch.numbers]
        kl_NS.append(captioner.codes_of_captions(batch.grid_BPD, captions).style.kl_of_dimensions)
    return torch.cat(kl_NS).mean(dim=0).argsort(descending=True)[:num].tolist()


def traverse(
    captioner: VariationalCaptioner,
    batch: EncodedBatch,
    *,
    dimensions: Sequence[int],
    values: Sequence[float],
    max_length: int,
) -> list[Traversal]:
    """Set each of some dimensions of the style to each of some values, and say the images greedily.

    Args:
        captioner: The captioner.
        batch: The images.
        dimensions: Which, from 0.
        values: In standard deviations of each image's prior, from its mean.
        max_length: Most tokens of a caption.
    """
    own = captioner.codes_of_grid(batch.grid_BPD).style
    prior = own.prior.as_gaussian()
    return [
        Traversal(image_3HW.cpu(), dimension, values, sayings)
        for dimension in dimensions
        for image_3HW, sayings in zip(
            batch.images_BCHW,
            _say_in(captioner, batch, traverse_style(own.sample, dimension, values, prior=prior), max_length),
            strict=True,
        )
    ]


def swap(captioner: VariationalCaptioner, batch: EncodedBatch, *, max_length: int) -> Swaps:
    """Say each image in the style of each, greedily, in at most `max_length` tokens."""
    own_BS = captioner.codes_of_grid(batch.grid_BPD).style.sample
    sayings = _say_in(captioner, batch, own_BS.repeat(len(own_BS), 1), max_length)
    return Swaps([*batch.images_BCHW.cpu()], sayings)


def _say_in(
    captioner: VariationalCaptioner, batch: EncodedBatch, style_NS: Tensor, max_length: int
) -> list[list[Saying]]:
    """Say each image greedily in its styles, and redraw it from each caption."""
    said = captioner.describe_grid(batch.grid_BPD, Greedy(max_length=max_length), style_NS=style_NS)
    each = len(style_NS) // len(batch.numbers)
    redrawn = [*captioner.redraw(said.tokens_NL).cpu()] if captioner.draws else [None] * len(style_NS)
    sayings = [
        Saying(caption, drawing)
        for caption, drawing in zip([c for captions in said.captions for c in captions], redrawn, strict=True)
    ]
    return [sayings[start : start + each] for start in range(0, len(sayings), each)]
