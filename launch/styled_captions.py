"""Validation images in several styles, for the summary of a run: the same image, different samples of S."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from lightning_fabric.utilities import move_data_to_device
from torch import Tensor

from datamodules.batch import CaptionBatch, seeds_of_images
from datamodules.caption_datamodule import CaptionDataModule
from lightning_modules import CaptioningModule
from lightning_modules.generation import Latent
from metrics.factor import UNKNOWN
from utils.seeding import generators_of_images, run_seed

NUM_CAPTIONS = 5
NUM_SAMPLES = 40


class StyledCaption(NamedTuple):
    """A caption from a sample of S.

    Attributes:
        caption: The likeliest words, given S; without latents, those of the model's own strategy.
        style: The class of its first factor (see `CaptionDataModule.caption_factors`); None where it cannot be told.
        is_true: Whether all of its claims hold; None where the data do not know.
    """

    caption: str
    style: str | None
    is_true: bool | None


class StyledImage(NamedTuple):
    """An image, and what the model says of it.

    Attributes:
        image_3HW: The image, `uint8`.
        reference: The first human caption.
        captions: One caption of each style, then others.
        reconstruction_3HW: The image reconstructed from the longest of them, in [0, 1]; None where the model cannot.
    """

    image_3HW: Tensor
    reference: str
    captions: list[StyledCaption]
    reconstruction_3HW: Tensor | None


@torch.no_grad()
def styled_images(captioner: CaptioningModule, datamodule: CaptionDataModule, num: int) -> list[StyledImage]:
    """Return the first validation images, each with captions from samples of S: five at most.

    Without latents each has one caption. There are fewer images where a batch has fewer, none if none could be read.
    """
    batch = next((batch for batch in datamodule.val_dataloader() if len(batch.image_ids_B)), None)
    if batch is None:
        return []
    captioner.eval()
    batch = move_data_to_device(batch, captioner.device)
    generated = captioner.generate(
        captioner.features_of(batch)[:num],
        Latent(num=NUM_SAMPLES, max_length=captioner.strategy.max_length)
        if captioner.has_latents
        else captioner.strategy,
        generators=generators_of_images(run_seed(), seeds_of_images(batch)[:num]),
    )
    found = []
    for row, captions in enumerate(generated.captions):
        styled = _styled(captions, datamodule, int(batch.image_ids_B[row]))
        longest = max((caption.caption for caption in styled), key=lambda text: len(text.split()))  # it says most
        place = row * len(captions) + captions.index(longest)
        picture = (
            captioner.reconstruct(generated.tokens_NL[place : place + 1])[0] if captioner.can_reconstruct else None
        )
        found.append(StyledImage(_image(batch, row, datamodule), batch.references[row][0], styled, picture))
    return found


def _image(batch: CaptionBatch, row: int, datamodule: CaptionDataModule) -> Tensor:
    """Return an image of a batch, which may have come with its features alone."""
    if batch.images_BCHW.numel():
        return batch.images_BCHW[row]
    split = datamodule.splits["val"]
    return split.load_image([*split.image_ids].index(int(batch.image_ids_B[row])))


def _styled(captions: Sequence[str], datamodule: CaptionDataModule, image_id: int) -> list[StyledCaption]:
    """Return the captions that differ, one of each style first, with their style and whether they are true."""
    captions = [*dict.fromkeys(captions)]
    styles = styles_of(captions, datamodule)
    return [
        StyledCaption(captions[i], styles[i], datamodule.is_true(captions[i], image_id))
        for i in first_of_each(styles, NUM_CAPTIONS)
    ]


def styles_of(captions: Sequence[str], datamodule: CaptionDataModule) -> list[str | None]:
    """Return the style of each caption, as the data tell it."""
    style, *_ = datamodule.caption_factors(captions)
    return [None if label == UNKNOWN else style.classes[label] for label in style.labels_N.tolist()]


def first_of_each(styles: Sequence[str | None], num: int) -> list[int]:
    """Return `num` numbers at most: the first caption of each style, then the others, both in their order."""
    first = [i for i, style in enumerate(styles) if style not in styles[:i]]
    return [*first, *(i for i in range(len(styles)) if i not in first)][:num]
