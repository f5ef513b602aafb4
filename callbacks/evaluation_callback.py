"""The base of callbacks that read what validation and test steps yield, batch by batch."""

from typing import Any, ClassVar, cast

from pytorch_lightning import Callback, LightningModule, Trainer

from datamodules.batch import CaptionBatch
from lightning_modules import CaptioningModule, EvaluatedModule, EvaluationOutput


class EvaluationCallback(Callback):
    """Calls `observe` with each evaluated batch, and `conclude` at the end of each evaluation, of `val` or `test`.

    It does so for what modules that caption images hand over, or for the outputs of others that it `observes`, and does
    nothing for the rest. A batch of which no image could be read is not evaluated; an evaluation without any other
    batch is not concluded. `forget` is called at the start as well as at the end, because an evaluation may have been
    interrupted.

    The sanity check before training is not observed, because its figures mean nothing yet, except by callbacks that
    only log: so a run knows at its start what it will log, and ends there if something cannot be measured.

    Attributes:
        observes: The kinds of outputs that it looks at.
        runs_in_sanity_check: Whether the sanity check is observed; Lightning drops what is logged in it.
    """

    observes: ClassVar[tuple[type, ...]] = (EvaluationOutput,)
    runs_in_sanity_check = False
    _has_observed = False

    def observe(
        self, trainer: Trainer, captioner: CaptioningModule, output: EvaluationOutput, batch: CaptionBatch
    ) -> None:
        """Take in one batch and what was made of it."""

    def conclude(self, trainer: Trainer, captioner: CaptioningModule, stage: str) -> None:
        """Log or show what was taken in, on all processes if one has taken in anything."""

    def forget(self) -> None:
        """Forget what was taken in."""

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._begin()

    on_test_epoch_start = on_validation_epoch_start

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: CaptionBatch, *_: int
    ) -> None:
        if isinstance(outputs, self.observes) and self._observes(trainer):
            self._has_observed = True
            self.observe(trainer, cast(CaptioningModule, pl_module), cast(EvaluationOutput, outputs), batch)

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: CaptionBatch, *_: int
    ) -> None:
        self.on_validation_batch_end(trainer, pl_module, outputs, batch)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._observes(trainer):
            self._end(trainer, pl_module, "val")

    def _observes(self, trainer: Trainer) -> bool:
        return self.runs_in_sanity_check or not trainer.sanity_checking

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._end(trainer, pl_module, "test")

    def _begin(self) -> None:
        self._has_observed = False
        self.forget()

    def _end(self, trainer: Trainer, module: LightningModule, stage: str) -> None:
        if not isinstance(module, EvaluatedModule):
            return
        if trainer.strategy.reduce_boolean_decision(self._has_observed, all=False):  # on any process
            self.conclude(trainer, cast(CaptioningModule, module), stage)
        self._begin()
