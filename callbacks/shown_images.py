"""Which images callbacks show, and where."""

from collections.abc import Iterable, Sequence

from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.strategies import FSDPStrategy
from torch.utils.tensorboard import SummaryWriter

from datamodules.split import CaptionSplit
from lightning_modules import CaptioningModule


def is_shown(trainer: Trainer, captioner: CaptioningModule) -> bool:
    """Return whether there is a TensorBoard to show latents in, images to show, and a whole network with latents."""
    to_tensorboard = isinstance(trainer.logger, TensorBoardLogger) and hasattr(trainer.datamodule, "splits")  # type: ignore[attr-defined]
    return captioner.has_latents and to_tensorboard and not isinstance(trainer.strategy, FSDPStrategy)


def rows_of_first(kept: Iterable[int], image_ids: Sequence[int], num: int) -> list[int]:
    """Return the rows of a batch whose images are not kept yet, and among the `num` of lowest ids of all so far."""
    known = {*kept}
    first = {*sorted(known | {*image_ids})[:num]} - known
    return [row for row, image_id in enumerate(image_ids) if image_id in first]


def images_of(split: CaptionSplit, image_ids: Sequence[int]) -> list[int]:
    """Return which images of a split have these ids, by their numbers from 0."""
    number_of_id = {image_id: number for number, image_id in enumerate(split.image_ids)}
    return [number_of_id[image_id] for image_id in image_ids]


def split_of(trainer: Trainer, stage: str) -> CaptionSplit:
    """Return the split that is evaluated."""
    split: CaptionSplit = trainer.datamodule.splits[stage]  # type: ignore[attr-defined] # see `is_shown`
    return split


def writer_of(trainer: Trainer) -> SummaryWriter:
    """Return what writes to TensorBoard, where `is_shown`; on other processes than the first it does nothing."""
    assert isinstance(trainer.logger, TensorBoardLogger)
    return trainer.logger.experiment
