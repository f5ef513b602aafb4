"""The base of callbacks that read what validation and test steps yield, batch by batch."""

from collections.abc import Mapping
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from datamodules.batch import CaptionBatch
from lightning_modules import Descriptions


class EvaluationCallback(Callback):
    """Hears of each evaluated batch in `observe` and of the end of each evaluation in `conclude`.

    `stage` is `val` or `test`. The sanity check before training is not heard of: its figures mean nothing yet.
    """

    def observe(
        self, trainer: Trainer, module: LightningModule, said: Descriptions, batch: CaptionBatch, batch_idx: int
    ) -> None:
        """Take in one batch and the captions that were said of it."""

    def conclude(self, trainer: Trainer, module: LightningModule, stage: str) -> None:
        """Log or show what was taken in, and forget it."""

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: CaptionBatch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if not trainer.sanity_checking:
            self.observe(trainer, pl_module, _descriptions(outputs), batch, batch_idx)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: CaptionBatch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self.observe(trainer, pl_module, _descriptions(outputs), batch, batch_idx)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self.conclude(trainer, pl_module, "val")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.conclude(trainer, pl_module, "test")


def _descriptions(outputs: Mapping[str, Any]) -> Descriptions:
    return outputs["descriptions"]
