"""What the style code does: one dimension changed at a time, and the style of one image with the content of another.

Shape legend: B images, S style, N captions.
"""

from collections.abc import Sequence
from itertools import repeat

import torch

from datamodules.split import CaptionSplit
from evaluation.generate_split import EncodedBatch
from evaluation.report.contents import StyledCaption, Swaps, Traversal
from lightning_modules import CaptioningModule, GeneratedBatch
from lightning_modules.exploration import busiest_dimensions, traverse
from lightning_modules.generation import Greedy


def dimensions_to_traverse(
    captioner: CaptioningModule, batches: Sequence[EncodedBatch], split: CaptionSplit, num: int
) -> list[int]:
    """Return the dimensions of the style that carry most of the references (see `busiest_dimensions`)."""
    kl_NS = []
    for batch in batches:
        captions = [split.captions[number] for number in batch.numbers]
        kl_NS.append(captioner.latents_of_captions(batch.features_BPD, captions).style.kl_of_dimensions)
    return busiest_dimensions(torch.cat(kl_NS).mean(dim=0), num)


def make_traversals(
    captioner: CaptioningModule,
    batch: EncodedBatch,
    *,
    dimensions: Sequence[int],
    values: Sequence[float],
    max_length: int,
) -> list[Traversal]:
    """Generate captions of each image along each dimension (see `traverse`), and reconstruct it from each caption."""
    of_dimensions = traverse(captioner, batch.features_BPD, dimensions=dimensions, values=values, max_length=max_length)
    return [
        Traversal(image_3HW.cpu(), dimension, values, styled_captions)
        for dimension, generated in zip(dimensions, of_dimensions, strict=True)
        for image_3HW, styled_captions in zip(batch.images_BCHW, _styled(captioner, generated), strict=True)
    ]


def swap(captioner: CaptioningModule, batch: EncodedBatch, split: CaptionSplit, *, max_length: int) -> Swaps:
    """Generate a caption of each image in the style of each, greedily, in at most `max_length` tokens.

    The style of an image is that of its first human caption, where the model reads captions.
    """
    captions = [split.captions[number][0] for number in batch.numbers] if captioner.latents_read_captions else None
    own_BS = (
        captioner.sample_latents(batch.features_BPD)
        if captions is None
        else captioner.latents_of_captions(batch.features_BPD, [[caption] for caption in captions], latent_scale=0.0)
    ).style.sample
    strategy = Greedy(max_length=max_length)
    generated = captioner.generate(batch.features_BPD, strategy, style_NS=own_BS.repeat(len(own_BS), 1))
    return Swaps([*batch.images_BCHW.cpu()], _styled(captioner, generated), captions)


def _styled(captioner: CaptioningModule, generated: GeneratedBatch) -> list[list[StyledCaption]]:
    """Return the captions of each image, each with the image reconstructed from it where the model can."""
    reconstructed = iter(
        captioner.reconstruct(generated.tokens_NL).cpu() if captioner.can_reconstruct else repeat(None)
    )
    return [[StyledCaption(caption, next(reconstructed)) for caption in captions] for captions in generated.captions]
