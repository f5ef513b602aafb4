"""Validates, tests and saves a moving average of the weights."""

from collections.abc import Sequence
from functools import partial

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor


class MovingAverage(WeightAveraging):
    """An exponential moving average of the weights: each step adds (1 − decay) · (weights − average) to the average.

    Unlike Lightning's `EMAWeightAveraging` it leaves frozen weights as they are to the last bit, so that features which
    were cached of them stay valid, and it can be sent to spawned processes.

    Args:
        decay: 1 / (1 − decay) steps have a say.

    Raises:
        ValueError: The decay is out of its range.
    """

    def __init__(self, *, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"callbacks.moving_average.decay must be from 0 to below 1, got {decay}")
        super().__init__(use_buffers=False, multi_avg_fn=partial(_move, decay=decay))

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the average in the model also where a run that goes on had come to its end, and nothing is trained."""
        if self._average_model is not None:
            self._copy_average_to_current(pl_module)


def _move(averages: Sequence[Tensor], weights: Sequence[Tensor], num_averaged: Tensor, *, decay: float) -> None:
    for average, weight in zip(averages, weights, strict=True):
        average.lerp_(weight, 1 - decay)
