"""Checkpoints from which an interrupted run goes on as if nothing had happened."""

import time
from pathlib import Path
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch import Tensor
from torch.optim.lr_scheduler import OneCycleLR

from callbacks.stop_signals import StopSignals

NEXT, LAST, PREVIOUS = "next.ckpt", "last.ckpt", "previous.ckpt"


class ResumeCheckpoints(Checkpoint):
    """Keeps the newest two checkpoints of a run, `last.ckpt` and `previous.ckpt`.

    One is written at the end of each epoch, between steps as often as is asked for, and when the system asks the run
    to stop. All are of moments from which Lightning goes on exactly: never before a validation, which it would leave
    out, nor between the batches of one step, whose gradients it would lose.

    Args:
        dirpath: The folder for them.
        every_n_steps: Steps from one to the next; None for any number.
        every_n_minutes: Minutes from one to the next; None for any number.

    Raises:
        ValueError: A number is not positive.
    """

    def __init__(
        self, dirpath: str | Path, *, every_n_steps: int | None = None, every_n_minutes: float | None = None
    ) -> None:
        for name, value in (("every_n_steps", every_n_steps), ("every_n_minutes", every_n_minutes)):
            if value is not None and value <= 0:
                raise ValueError(f"callbacks.resume.{name} must be positive, or null for any number, got {value}")
        self.folder = Path(dirpath)
        self.every_n_steps = every_n_steps
        self.every_n_minutes = every_n_minutes
        self._signals = StopSignals()
        self._saved_step = 0
        self._saved_at = time.monotonic()
        self._metrics: dict[str, Tensor] = {}

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._metrics:  # the run goes on
            trainer.callback_metrics.update(self._metrics)
            trainer.num_sanity_val_steps = 0  # after which Lightning would forget them

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        refuse_more_steps(trainer)
        # Lightning has forgotten the loader's place if the scheduler asked for the number of steps
        trainer.fit_loop._load_combined_loader_states()
        self._saved_step, self._saved_at = trainer.global_step, time.monotonic()
        self._signals.listen()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loop = trainer.fit_loop.epoch_loop
        assert trainer.fit_loop._data_fetcher is not None
        if not loop._is_training_done and not loop._should_check_val_fx(trainer.fit_loop._data_fetcher):
            self._save_if_due(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        fitting = trainer.state.fn == "fit" and not trainer.sanity_checking
        if fitting and not trainer.fit_loop.epoch_loop._is_training_done:
            self._save_if_due(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._save_if_due(trainer, due=True)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._signals.obey_at_once()

    def state_dict(self) -> dict[str, Any]:
        return {"metrics": self._metrics}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what was measured before, which other callbacks and the run's end may ask for."""
        self._metrics = state_dict["metrics"]

    def _save_if_due(self, trainer: Trainer, *, due: bool = False) -> None:
        trial: bool | int = trainer.fast_dev_run  # type: ignore[attr-defined]
        if trial or trainer.fit_loop._should_accumulate():
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
        if agree(signals.stop, all=False):
            raise SIGTERMException

    def _save(self, trainer: Trainer) -> None:
        self._metrics = {name: value.detach().cpu() for name, value in trainer.callback_metrics.items()}
        trainer.save_checkpoint(self.folder / NEXT, weights_only=False)
        if trainer.is_global_zero and (self.folder / NEXT).exists():  # not if the disk was full
            if (self.folder / LAST).exists():
                (self.folder / LAST).replace(self.folder / PREVIOUS)
            (self.folder / NEXT).replace(self.folder / LAST)
        self._saved_step, self._saved_at = trainer.global_step, time.monotonic()


def refuse_more_steps(trainer: Trainer) -> None:
    """Refuse to go on with a learning rate that has an end, and beyond it.

    Raises:
        ValueError: The run is to take more steps than its `OneCycleLR` was made for.
    """
    for config in trainer.lr_scheduler_configs:
        planned, wanted = getattr(config.scheduler, "total_steps", None), trainer.estimated_stepping_batches
        if isinstance(config.scheduler, OneCycleLR) and planned is not None and planned < wanted:
            raise ValueError(
                f"trainer.max_epochs={trainer.max_epochs} makes {wanted:.0f} steps, but the learning rate of the "
                f"checkpoint (model/scheduler=one_cycle) was planned for {planned} and ends there; keep "
                f"trainer.max_epochs as it was, or start a new run from the weights with pretrained_model=CHECKPOINT "
                f"pretrained_skip=null"
            )
