"""What the style code does: one dimension changed at a time, and the style of one image with the content of another.

Shape legend: B images, S style, K values or styles.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from datamodules.split import CaptionSplit
from evaluation.generate_split import EncodedBatch
from evaluation.report.contents import StyledCaption, Swaps, Traversal
from lightning_modules import CaptioningModule
from lightning_modules.generation import Greedy, traverse_style


def busiest_dimensions(
    captioner: CaptioningModule, batches: Sequence[EncodedBatch], split: CaptionSplit, num: int
) -> list[int]:
    """Return the dimensions of the style that carry most of the references, falling: those of the highest mean KL."""
    kl_NS = []
    for batch in batches:
        captions = [split.captions[number] for number in batch.numbers]
        kl_NS.append(captioner.latents_of_captions(batch.features_BPD, captions).style.kl_of_dimensions)
    return torch.cat(kl_NS).mean(dim=0).argsort(descending=True)[:num].tolist()


def traverse(
    captioner: CaptioningModule,
    batch: EncodedBatch,
    *,
    dimensions: Sequence[int],
    values: Sequence[float],
    max_length: int,
) -> list[Traversal]:
    """Set each of some dimensions of the style to each of some values, and generate captions greedily.

    Args:
        captioner: The captioner.
        batch: The images.
        dimensions: Which, from 0.
        values: In standard deviations of each image's prior, from its mean.
        max_length: Most tokens of a caption.
    """
    own = captioner.sample_latents(batch.features_BPD).style
    prior = own.prior.as_gaussian()
    return [
        Traversal(image_3HW.cpu(), dimension, values, styled_captions)
        for dimension in dimensions
        for image_3HW, styled_captions in zip(
            batch.images_BCHW,
            _generate_in(captioner, batch, traverse_style(own.sample, dimension, values, prior=prior), max_length),
            strict=True,
        )
    ]


def swap(captioner: CaptioningModule, batch: EncodedBatch, *, max_length: int) -> Swaps:
    """Generate a caption of each image in the style of each, greedily, in at most `max_length` tokens."""
    own_BS = captioner.sample_latents(batch.features_BPD).style.sample
    styled_captions = _generate_in(captioner, batch, own_BS.repeat(len(own_BS), 1), max_length)
    return Swaps([*batch.images_BCHW.cpu()], styled_captions)


def _generate_in(
    captioner: CaptioningModule, batch: EncodedBatch, style_NS: Tensor, max_length: int
) -> list[list[StyledCaption]]:
    """Generate captions of each image greedily in its styles, and reconstruct it from each caption."""
    generated = captioner.generate(batch.features_BPD, Greedy(max_length=max_length), style_NS=style_NS)
    each = len(style_NS) // len(batch.numbers)
    reconstructed = (
        [*captioner.reconstruct(generated.tokens_NL).cpu()] if captioner.can_reconstruct else [None] * len(style_NS)
    )
    styled_captions = [
        StyledCaption(caption, drawing)
        for caption, drawing in zip(
            [c for captions in generated.captions for c in captions], reconstructed, strict=True
        )
    ]
    return [styled_captions[start : start + each] for start in range(0, len(styled_captions), each)]
