"""The one batch type that every datamodule yields and every stage downstream reads.

Shape legend: B images, N captions (of all images of the batch together), L tokens, C channels, H rows, W columns.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from datamodules.token_table import TokenIds
from utils.seeding import image_digests


class CaptionSample(NamedTuple):
    """One image with the captions chosen for this step, before batching."""

    image_CHW: Tensor
    captions: list[TokenIds]
    image_id: int
    references: list[str]
    features_PD: Tensor | None = None
    weights: Tensor | None = None


class UnreadableImage(NamedTuple):
    """An image that could not be read, in the place of its sample."""

    image_id: int
    problem: str


class CaptionBatch(NamedTuple):
    """Images grouped with their captions, so that an image is encoded once for all of its captions.

    Where images were left out it has fewer rows, or none at all.

    Attributes:
        images_BCHW: Pixels, `uint8` in [0, 255], RGB; H = W = 0 where only features are wanted.
        tokens_NL: Token ids of every caption, prefix and end included, padded with the padding id.
        image_of_caption_N: For each caption the row of its image in `images_BCHW`; non-decreasing.
        image_ids_B: The dataset's own number of each image, by which metrics drop repeated images.
        references: All reference captions of each image, as text, for evaluation.
        features_BPD: The images as a frozen encoder sees them, where that was computed before: P places of D features.
        weights_N: How much each caption counts in training, where they do not count alike; 1 on average.
        left_out: The images that should have been here but could not be read.
    """

    images_BCHW: Tensor
    tokens_NL: Tensor
    image_of_caption_N: Tensor
    image_ids_B: Tensor
    references: list[list[str]]
    features_BPD: Tensor | None = None
    weights_N: Tensor | None = None
    left_out: Sequence[UnreadableImage] = ()


def collate(items: Sequence[CaptionSample | UnreadableImage], *, pad_id: int) -> CaptionBatch:
    """Stack images and pad captions to the longest of the batch."""
    samples = [item for item in items if isinstance(item, CaptionSample)]
    left_out = [item for item in items if isinstance(item, UnreadableImage)]
    if not samples:
        return empty_batch(left_out)
    captions = [caption for sample in samples for caption in sample.captions]
    grids = [sample.features_PD for sample in samples if sample.features_PD is not None]
    weights = [sample.weights for sample in samples if sample.weights is not None]
    counts = torch.tensor([len(sample.captions) for sample in samples])
    return CaptionBatch(
        images_BCHW=torch.stack([sample.image_CHW for sample in samples]),
        tokens_NL=_padded(captions, pad_id),
        image_of_caption_N=torch.repeat_interleave(torch.arange(len(samples)), counts),
        image_ids_B=torch.tensor([sample.image_id for sample in samples]),
        references=[sample.references for sample in samples],
        features_BPD=torch.stack(grids) if len(grids) == len(samples) else None,
        weights_N=torch.cat(weights) if len(weights) == len(samples) else None,
        left_out=left_out,
    )


def _padded(captions: Sequence[TokenIds], pad_id: int) -> Tensor:
    """Return token ids of captions, padded to the longest: [N, L]."""
    tokens_NL = np.full((len(captions), max(map(len, captions))), pad_id, np.int64)
    for row_L, caption in zip(tokens_NL, captions, strict=True):
        row_L[: len(caption)] = caption
    return torch.from_numpy(tokens_NL)


def empty_batch(left_out: Sequence[UnreadableImage]) -> CaptionBatch:
    """Return a batch none of whose images could be read."""
    none = torch.empty(0, dtype=torch.long)
    return CaptionBatch(torch.empty(0, 3, 0, 0, dtype=torch.uint8), none.view(0, 0), none, none, [], left_out=left_out)


def seeds_of_images(batch: CaptionBatch) -> Sequence[str] | Sequence[int]:
    """Return what random numbers of each image follow from (see `generators_of_images`): its pixels.

    It is the image's number where the batch brings cached features alone.
    """
    return image_digests(batch.images_BCHW) if batch.images_BCHW.numel() else batch.image_ids_B.tolist()
