"""Checkpoints from which an interrupted run goes on as if nothing had happened."""

import time
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint
from torch import Tensor
from torch.optim.lr_scheduler import OneCycleLR

from callbacks.best_checkpoints import take_over_best
from callbacks.fit_progress import begin_next_epoch, end_without_training, settle
from callbacks.stop_signals import StopSignals
from utils.lightning_internals import (
    check_after_validation,
    is_accumulating,
    is_end_of_epoch,
    is_trial,
    is_validated_next,
    may_stop_early,
    restore_loader_place,
)
from utils.require import require

NEXT, LAST, PREVIOUS = "next.ckpt", "last.ckpt", "previous.ckpt"


class ResumeCheckpoints(Checkpoint):
    """Keeps the newest two checkpoints of a run, `last.ckpt` and `previous.ckpt`.

    One is written at the end of each epoch, between steps as often as is asked for, where training ends in the middle
    of an epoch, and when the system or the user asks the run to stop. All are of moments from which Lightning goes on
    exactly: never before a validation, which it would leave out, nor between the batches of one step, whose gradients
    it would lose. So a run may also be prolonged, whatever had ended it.

    Args:
        dirpath: The folder for them.
        every_n_steps: Steps from one to the next; None for any number.
        every_n_minutes: Minutes from one to the next; None for any number.

    Raises:
        ValueError: A number is not positive.
    """

    def __init__(
        self, dirpath: str | Path, *, every_n_steps: int | None = None, every_n_minutes: float | None = 10
    ) -> None:
        for name, value in (("every_n_steps", every_n_steps), ("every_n_minutes", every_n_minutes)):
            require(
                value is None or value > 0,
                f"callbacks.resume_checkpoints.{name}",
                "positive, or null for any number",
                value,
            )
        self.folder = Path(dirpath)
        self.every_n_steps = every_n_steps
        self.every_n_minutes = every_n_minutes
        self._signals = StopSignals()
        self._saved_step = 0
        self._saved_at = time.monotonic()
        self._metrics: dict[str, Tensor] = {}
        self._stopped = False
        self._stopping = False
        self._has_trained = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        for callback in trainer.early_stopping_callbacks:
            if callback.monitor.startswith("val/"):
                # right after a validation: where an epoch is broken off, its figures are old, or not there at all
                check_after_validation(callback)

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if trainer.state.fn == "fit":
            settle(checkpoint["loops"]["fit_loop"])
            take_over_best(trainer, checkpoint)
            return
        for callback in trainer.checkpoint_callbacks:  # a test reads an earlier checkpoint, and is no return to it
            checkpoint["callbacks"].pop(callback.state_key, None)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._metrics:  # the run goes on
            trainer.callback_metrics.update(self._metrics)
            trainer.num_sanity_val_steps = 0  # after which Lightning would forget them
            trainer.should_stop = trainer.should_stop or self._stopped

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._listen(trainer)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._has_trained = True
        refuse_more_steps(trainer)
        begin_next_epoch(trainer)
        # Lightning has forgotten the loader's place if the scheduler asked for the number of steps
        restore_loader_place(trainer)
        self._saved_step, self._saved_at = trainer.global_step, time.monotonic()
        self._listen(trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._end_if_stopping()

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self._end_if_stopping()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not is_end_of_epoch(trainer) and not is_validated_next(trainer):
            self._save_if_due(trainer, due=ends_here(trainer))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        fitting = trainer.state.fn == "fit" and not trainer.sanity_checking
        if fitting and not is_end_of_epoch(trainer):
            self._save_if_due(trainer, due=ends_here(trainer))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if is_end_of_epoch(trainer):  # else it was saved at the batch
            self._save_if_due(trainer, due=True)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # asked for since the last moment at which a checkpoint could be written
        self._stopping |= trainer.strategy.reduce_boolean_decision(self._signals.stop, all=False)
        self._end_if_stopping()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._has_trained:
            end_without_training(trainer)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._signals.obey_at_once()

    def state_dict(self) -> dict[str, Any]:
        return {"metrics": self._metrics, "stopped": self._stopped, "folder": str(self.folder)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what was measured before, which other callbacks and the run's end may ask for.

        A run that had been stopped before its end, such as by early stopping, stays so; a new one, with settings and
        a folder of its own, goes on from its checkpoint.
        """
        self._metrics = state_dict["metrics"]
        self._stopped = state_dict.get("stopped", False) and state_dict["folder"] == str(self.folder)

    def _listen(self, trainer: Trainer) -> None:
        if not is_trial(trainer):  # which saves nothing
            self._signals.listen()

    def _save_if_due(self, trainer: Trainer, *, due: bool = False) -> None:
        if is_trial(trainer) or is_accumulating(trainer):
            return
        signals = self._signals
        steps, seconds = trainer.global_step - self._saved_step, time.monotonic() - self._saved_at
        due |= self.every_n_steps is not None and steps >= self.every_n_steps
        due |= self.every_n_minutes is not None and seconds >= 60 * self.every_n_minutes
        agree = trainer.strategy.reduce_boolean_decision  # a signal, or the clock, may reach one process alone
        if not agree(due or signals.requeue or signals.stop, all=False):
            return
        self._save(trainer)
        if agree(signals.requeue, all=False):
            signals.requeue_now()
        self._stopping = agree(signals.stop, all=False)

    def _end_if_stopping(self) -> None:
        """End the run at the first hook after the save: until then Lightning logs what belongs to the saved step."""
        if self._stopping:
            self._signals.end()

    def _save(self, trainer: Trainer) -> None:
        for logger in trainer.loggers:
            logger.save()  # points of steps before the checkpoint are not made again
        self._stopped = trainer.should_stop
        self._metrics = {name: value.detach().cpu() for name, value in trainer.callback_metrics.items()}
        trainer.save_checkpoint(self.folder / NEXT, weights_only=False)
        if trainer.is_global_zero and (self.folder / NEXT).exists():  # not if the disk was full
            if (self.folder / LAST).exists():
                (self.folder / LAST).replace(self.folder / PREVIOUS)
            (self.folder / NEXT).replace(self.folder / LAST)
        self._saved_step, self._saved_at = trainer.global_step, time.monotonic()


def ends_here(trainer: Trainer) -> bool:
    """Return whether training ends after this batch, wherever in the epoch that is."""
    return trainer.global_step == trainer.fit_loop.max_steps or (trainer.should_stop and may_stop_early(trainer))


def refuse_more_steps(trainer: Trainer) -> None:
    """Refuse to go on with a learning rate that has an end, and beyond it.

    Raises:
        ValueError: The run is to take more steps than its `OneCycleLR` was made for.
    """
    for config in trainer.lr_scheduler_configs:
        planned, needed = getattr(config.scheduler, "total_steps", None), trainer.estimated_stepping_batches
        if isinstance(config.scheduler, OneCycleLR) and planned is not None and planned < needed:
            limits = {"trainer.max_epochs": trainer.max_epochs, "trainer.max_steps": trainer.max_steps}
            given = {name: limit for name, limit in limits.items() if limit != -1}
            raise ValueError(
                f"{' '.join(f'{name}={limit}' for name, limit in given.items())} makes {needed:.0f} steps, but the "
                f"learning rate of the checkpoint (model/scheduler=one_cycle) was planned for {planned} and ends "
                f"there; keep {' and '.join(given)} as before, or start a new run from the weights with "
                f"pretrained_model=CHECKPOINT pretrained_skip=null"
            )
