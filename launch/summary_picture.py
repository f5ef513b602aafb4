"""`summary.png` of a run: validation images, what the model says of them in several styles, and reconstructions."""

import logging
from collections.abc import Sequence
from pathlib import Path

import torch
from lightning_fabric.utilities import move_data_to_device
from pytorch_lightning import Trainer
from torch import Tensor

from datamodules.caption_datamodule import CaptionDataModule
from launch.styled_captions import StyledCaption, StyledImage
from lightning_modules import EvaluatedModule
from pictures.captioned_image import CaptionRow, Section
from pictures.changed_words import MarkedWord, marked_words
from pictures.image_rows import ImageRow, draw_image_rows
from pictures.pixels import to_picture
from utils.files import atomic_open

log = logging.getLogger(__name__)

FILE = "summary.png"


def save_picture(rows: Sequence[ImageRow], trainer: Trainer) -> Path | None:
    """Write the picture into the run's folder; return its file, None without any row, or where it cannot be written."""
    if not rows:
        return None
    path = Path(trainer.default_root_dir) / FILE
    try:
        with atomic_open(path, "wb") as file:
            to_picture(draw_image_rows(rows)).save(file, format="PNG", optimize=True)
    except OSError as error:  # a run that has trained does not end for it
        log.warning("%s could not be written (%s)", path, error.strerror)
        return None
    return path


def rows_of_captions(images: Sequence[StyledImage]) -> list[ImageRow]:
    """Return each image with its captions, and what is reconstructed from the longest of them."""
    return [_row(image) for image in images]


def _row(image: StyledImage) -> ImageRow:
    pictures = [("image", image.image_3HW)]
    if image.reconstruction_3HW is not None:
        pictures.append(("reconstructed", image.reconstruction_3HW))
    people = CaptionRow("•", marked_words(image.reference, image.reference))
    model = [CaptionRow(caption.style or "•", _words(caption)) for caption in image.captions]
    return ImageRow(pictures, [Section("people", [people]), Section("model", model)])


def _words(caption: StyledCaption) -> list[MarkedWord]:
    words = marked_words(caption.caption, caption.caption)
    return [*words, *marked_words("(not true)", "")] if caption.is_true is False else words


@torch.no_grad()
def rows_of_codes(coder: EvaluatedModule, datamodule: CaptionDataModule, num: int) -> list[ImageRow]:
    """Return the first validation images beside the images of their codes."""
    batch = next((batch for batch in datamodule.val_dataloader() if len(batch.image_ids_B)), None)
    if batch is None or not coder.can_reconstruct:
        return []
    coder.eval()
    decoded_BCHW: Tensor = coder.reconstructions(coder.evaluate(move_data_to_device(batch, coder.device)))
    pairs = zip(batch.images_BCHW[:num], decoded_BCHW[:num], strict=True)
    return [ImageRow([("image", image_3HW), ("from its codes", decoded_3HW)]) for image_3HW, decoded_3HW in pairs]
