"""The base of callbacks that caption a few images anew at the end of each evaluation, and show them.

Shape legend: B images, H rows, W columns, P positions, D features.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from pytorch_lightning import Trainer
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from callbacks.evaluation_callback import EvaluationCallback
from callbacks.shown_images import images_of, is_shown, rows_of_first, split_of, writer_of
from datamodules.batch import CaptionBatch
from datamodules.split import CaptionSplit
from lightning_modules import CaptioningModule, EvaluationOutput, seeds_of_images
from metrics import GatheredCaptions, ImageCaptions
from utils.lightning_internals import figures_step
from utils.require import require
from utils.seeding import Generators, generators_of_images, run_seed


class FirstImage(NamedTuple):
    """An image of a batch.

    Attributes:
        features_PD: As the encoder sees it.
        generator: Where its random numbers come from: the same at every validation.
        references: Its human captions.
    """

    features_PD: Tensor
    generator: torch.Generator
    references: list[str]


class CaptionedImage(NamedTuple):
    """An image with what was generated for it.

    Attributes:
        image_3HW: `uint8`.
        image_id: The data set's number of it.
        captions: As the callback generates them.
        references: Its human captions.
    """

    image_3HW: Tensor
    image_id: int
    captions: list[str]
    references: list[str]


class FirstImages(EvaluationCallback):
    """Keeps the first images of the split, generates captions of them at the end, and shows both in TensorBoard.

    It does so for models with latents. On several processes each generates captions for the first of its own images,
    and the first process shows the first of all. A sharded network, which no process has as a whole, is left out.

    It must come before `MovingAverage`, as it does in `conf/callbacks`, to caption with the averaged weights.

    Args:
        num_images: How many images, those of the lowest ids: the same on any number of processes.

    Raises:
        ValueError: It is none.
    """

    name: str
    """In the config."""

    def __init__(self, num_images: int) -> None:
        require(num_images >= 1, f"callbacks.{self.name}.num_images", "at least 1", num_images)
        self.num_images = num_images
        self.first: dict[int, FirstImage] = {}

    @abstractmethod
    def generate(self, captioner: CaptioningModule, features_BPD: Tensor, generators: Generators) -> list[list[str]]:
        """Return captions of each image, equally many; called where this process has images."""

    @abstractmethod
    def show(self, writer: SummaryWriter, step: int, images: Sequence[CaptionedImage], stage: str) -> None:
        """Write to TensorBoard; called on the first process."""

    def prepare(self) -> None:
        """Compute what all processes must agree on before they generate; called on all of them."""

    def observe(
        self, trainer: Trainer, captioner: CaptioningModule, output: EvaluationOutput, batch: CaptionBatch
    ) -> None:
        if is_shown(trainer, captioner):
            rows = rows_of_first(self.first, batch.image_ids_B.tolist(), self.num_images)
            together = self.first | (_of_batch(captioner, batch, rows) if rows else {})
            self.first = {image_id: together[image_id] for image_id in sorted(together)[: self.num_images]}

    def conclude(self, trainer: Trainer, captioner: CaptioningModule, stage: str) -> None:
        if not is_shown(trainer, captioner):
            return
        self.prepare()
        captions: list[list[str]] = []
        if self.first:
            features_BPD = torch.stack([image.features_PD for image in self.first.values()])
            captions = self.generate(captioner, features_BPD, [image.generator for image in self.first.values()])
        gathered = GatheredCaptions().to(captioner.device)
        references = [image.references for image in self.first.values()]
        gathered.update(captions, references, torch.tensor([*self.first]))
        images = gathered.compute()[: self.num_images]
        if trainer.is_global_zero:
            self.show(writer_of(trainer), figures_step(trainer), _with_pixels(images, split_of(trainer, stage)), stage)

    def forget(self) -> None:
        self.first = {}


def _with_pixels(images: Sequence[ImageCaptions], split: CaptionSplit) -> list[CaptionedImage]:
    numbers = images_of(split, [image.image_id for image in images])
    return [CaptionedImage(split.load_image(number), *image) for number, image in zip(numbers, images, strict=True)]


def _of_batch(captioner: CaptioningModule, batch: CaptionBatch, rows: Sequence[int]) -> dict[int, FirstImage]:
    """Return some images of a batch by their ids."""
    some = batch._replace(
        images_BCHW=batch.images_BCHW[rows],
        image_ids_B=batch.image_ids_B[rows],
        features_BPD=None if batch.features_BPD is None else batch.features_BPD[rows],
    )
    generators = generators_of_images(run_seed(), seeds_of_images(some))
    parts = zip(captioner.features_of(some), generators, (batch.references[row] for row in rows), strict=True)
    return {image_id: FirstImage(*part) for image_id, part in zip(some.image_ids_B.tolist(), parts, strict=True)}
