"""Tells how long training will take, once it has begun, and after each epoch how much is left."""

import time
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from utils.display import duration
from utils.progress import tell
from utils.require import require


class ExpectedTime(Callback):
    """Measures steps and epochs, and prints what follows from them for the rest.

    Args:
        num_steps: Batches that the first estimate is measured on, after the very first, which takes longer.

    Raises:
        ValueError: It is none.
    """

    def __init__(self, num_steps: int = 20) -> None:
        require(num_steps >= 1, "callbacks.expected_time.num_steps", "at least 1", num_steps)
        self.num_steps = num_steps
        self._batches = self._epochs = 0  # since training began, or went on
        self._started = self._after_first = self._epoch_began = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._batches = self._epochs = 0
        self._started = self._epoch_began = time.monotonic()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._epoch_began = time.monotonic()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._batches += 1
        if self._batches == 1:
            self._after_first = time.monotonic()
        if self._batches == self.num_steps + 1 and trainer.is_global_zero:
            seconds = (time.monotonic() - self._after_first) / self.num_steps
            left = batches_left(trainer, batch_idx)
            if left is not None:
                tell(f"about {duration(left * seconds)} of training to go, {seconds:.2f} s a step; validations aside")

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._epochs += 1
        now = time.monotonic()
        left = _epochs_left(trainer)
        if left and trainer.is_global_zero:
            to_go = duration(left * (now - self._started) / self._epochs)
            took = duration(now - self._epoch_began)
            tell(f"epoch {trainer.current_epoch + 1} took {took}, its validation included; about {to_go} to go\n")


def batches_left(trainer: Trainer, batch_idx: int) -> int | None:
    """Return how many training batches come after this one; None where neither epochs nor steps have an end."""
    left = []
    if trainer.max_epochs not in (None, -1):
        left.append((trainer.max_epochs - trainer.current_epoch) * int(trainer.num_training_batches) - batch_idx - 1)
    if trainer.max_steps != -1:
        left.append((trainer.max_steps - trainer.global_step) * trainer.accumulate_grad_batches)
    return max(0, min(left)) if left else None


def _epochs_left(trainer: Trainer) -> float | None:
    """Return how many epochs, and parts of one, come after this one; None as for `batches_left`."""
    batches = batches_left(trainer, int(trainer.num_training_batches) - 1)
    return None if batches is None else batches / int(trainer.num_training_batches)
