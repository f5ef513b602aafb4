"""One validation image in several styles, for the summary of a run: the same image, different samples of S."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from lightning_fabric.utilities import move_data_to_device

from datamodules.batch import seeds_of_images
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
        caption: The likeliest words, given S.
        style: The class of its first factor (see `CaptionDataModule.caption_factors`); None where it cannot be told.
        is_true: Whether all of its claims hold; None where the data do not know.
    """

    caption: str
    style: str | None
    is_true: bool | None


@torch.no_grad()
def styled_captions(captioner: CaptioningModule, datamodule: CaptionDataModule) -> list[StyledCaption]:
    """Return captions of the first validation image from samples of S: one of each style, then others, five at most.

    Nothing where the model has no latents, or no image could be read.
    """
    batch = next((batch for batch in datamodule.val_dataloader() if len(batch.image_ids_B)), None)
    if batch is None or not captioner.has_latents:
        return []
    captioner.eval()
    batch = move_data_to_device(batch, captioner.device)
    generated = captioner.generate(
        captioner.features_of(batch)[:1],
        Latent(num=NUM_SAMPLES, max_length=captioner.strategy.max_length),
        generators=generators_of_images(run_seed(), seeds_of_images(batch)[:1]),
    )
    captions = [*dict.fromkeys(generated.captions[0])]
    styles = styles_of(captions, datamodule)
    image_id = int(batch.image_ids_B[0])
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
