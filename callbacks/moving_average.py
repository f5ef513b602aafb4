"""Validates, tests and saves a moving average of the weights."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor

from utils.require import require


class MovingAverage(WeightAveraging):
    """An exponential moving average of the weights: each step adds (1 − d) · (weights − average) to the average.

    At step t, d is the smaller of `decay` and (1 + t) / (10 + t), as of TensorFlow's
    `tf.train.ExponentialMovingAverage(decay, num_updates=t)`. With `decay` from the start, the average would for
    1 / (1 − decay) steps be mostly the random weights that training began with.

    Unlike Lightning's `EMAWeightAveraging` it leaves frozen weights as they are to the last bit, so that features which
    were cached of them stay valid, and it can be sent to spawned processes.

    Args:
        decay: The effective window is 1 / (1 − decay) steps, and no more than about a tenth of those so far.

    Raises:
        ValueError: The decay is out of its range.
    """

    def __init__(self, *, decay: float = 0.999) -> None:
        require(0 <= decay < 1, "callbacks.moving_average.decay", "from 0 to below 1", decay)
        super().__init__(use_buffers=False, multi_avg_fn=partial(_move, decay=decay))

    # Lightning calls these hooks outside of training, too. After it the model holds the average, and whatever
    # checkpoint is loaded holds its own: neither must be exchanged for the weights that were not averaged.

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if trainer.state.fn == "fit":
            super().on_load_checkpoint(trainer, pl_module, checkpoint)

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.state.fn == "fit":
            super().on_validation_epoch_start(trainer, pl_module)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.state.fn == "fit":
            super().on_validation_epoch_end(trainer, pl_module)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the average in the model also where a run that goes on had come to its end, and nothing is trained."""
        if self._average_model is not None:
            self._copy_average_to_current(pl_module)


def _move(averages: Sequence[Tensor], weights: Sequence[Tensor], num_averaged: Tensor, *, decay: float) -> None:
    step = num_averaged.double()  # is saved with the average, so that a run goes on where it was
    weight_of_step = 1 - ((1 + step) / (10 + step)).clamp(max=decay)  # a tensor, which no GPU is waited for
    for average, weight in zip(averages, weights, strict=True):
        average.lerp_(weight, weight_of_step.to(average.dtype))
