"""The base of callbacks that read what validation and test steps yield, batch by batch."""

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from datamodules.batch import CaptionBatch
from lightning_modules import EvaluationOutput, VariationalCaptioner


class EvaluationCallback(Callback):
    """Hears of each evaluated batch in `observe` and of the end of each evaluation in `conclude`.

    A batch none of whose images could be read was not evaluated.

    `stage` is `val` or `test`. The sanity check before training is not heard of: its figures mean nothing yet.
    """

    def observe(
        self,
        trainer: Trainer,
        captioner: VariationalCaptioner,
        output: EvaluationOutput,
        batch: CaptionBatch,
        batch_idx: int,
        stage: str,
    ) -> None:
        """Take in one batch and what was made of it."""

    def conclude(self, trainer: Trainer, captioner: VariationalCaptioner, stage: str) -> None:
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
        if outputs is not None and not trainer.sanity_checking:
            self.observe(trainer, _captioner(pl_module), outputs, batch, batch_idx, "val")

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: CaptionBatch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if outputs is not None:
            self.observe(trainer, _captioner(pl_module), outputs, batch, batch_idx, "test")

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self.conclude(trainer, _captioner(pl_module), "val")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.conclude(trainer, _captioner(pl_module), "test")


def _captioner(module: LightningModule) -> VariationalCaptioner:
    assert isinstance(module, VariationalCaptioner), type(module)
    return module
