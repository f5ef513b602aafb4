"""Shows where the model looks before each word of a caption.

Shape legend: P positions, D features.
"""

from collections.abc import Sequence

import torch
from pytorch_lightning import Trainer
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from callbacks.descriptions import add_picture
from callbacks.first_images import CaptionedImage, FirstImages
from datamodules.batch import CaptionBatch
from lightning_modules import CaptioningModule, EvaluationOutput
from lightning_modules.results.explained_captions import ExplainedCaption, explained_captions
from pictures.captioned_image import IMAGE_SIDE
from pictures.image_rows import ImageRow, draw_image_rows
from pictures.pages.overlay import overlay, relative_heat
from utils.seeding import Generators

ABOUT = "The caption of the first image, word by word: where the model looked before each; grey is no more than evenly."
COLUMNS = 4


class AttentionMaps(FirstImages):
    """Writes a picture: the first image once for each word of its caption, with the attention before the word over it.

    It does so for models that can explain their captions and have attention over places of a grid. On several processes
    it is shown where the first process has the first image.
    """

    name = "attention"

    def __init__(self) -> None:
        super().__init__(num_images=1)
        self.explained: list[ExplainedCaption] = []

    def observe(
        self, trainer: Trainer, captioner: CaptioningModule, output: EvaluationOutput, batch: CaptionBatch
    ) -> None:
        if captioner.can_explain:
            super().observe(trainer, captioner, output, batch)

    def conclude(self, trainer: Trainer, captioner: CaptioningModule, stage: str) -> None:
        if captioner.can_explain:
            super().conclude(trainer, captioner, stage)

    def generate(self, captioner: CaptioningModule, features_BPD: Tensor, generators: Generators) -> list[list[str]]:
        generated = captioner.generate(features_BPD, generators=generators)
        self.explained = [captions[0] for captions in explained_captions(captioner, features_BPD, generated)]
        return [[caption.caption] for caption in self.explained]

    def show(self, writer: SummaryWriter, step: int, images: Sequence[CaptionedImage], stage: str) -> None:
        for image, caption in zip(images, self.explained, strict=False):
            if image.image_id in self.first and has_attention(caption):
                add_picture(writer, f"{stage}/attention", draw_attention(image.image_3HW, caption), step, ABOUT)

    def forget(self) -> None:
        super().forget()
        self.explained = []


def has_attention(caption: ExplainedCaption) -> bool:
    """Return whether it is known where the model looked."""
    return any(word.attention_HW is not None for word in caption.words)


def draw_attention(image_3HW: Tensor, caption: ExplainedCaption) -> Tensor:
    """Draw an image once for each word of its caption, and once for its end: `uint8`, [3, H, W].

    Args:
        image_3HW: `uint8`, square.
        caption: Its words have attention.
    """
    looks = [(word.text or "(end)", word.attention_HW) for word in caption.words if word.attention_HW is not None]
    heat_LHW = relative_heat(torch.stack([attention_HW for _, attention_HW in looks]))
    tiles = [
        (text, overlay(image_3HW, heat_HW, IMAGE_SIDE)) for (text, _), heat_HW in zip(looks, heat_LHW, strict=True)
    ]
    return draw_image_rows([ImageRow(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)])
