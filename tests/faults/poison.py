"""A callback that spoils chosen training steps, as bad data or an overflow would."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor


class Poison(Callback):
    """Makes the loss, or one gradient, NaN.

    Args:
        batches: Numbers of the spoilt batches within the epoch, from 0.
        what: `loss`, or `gradient` for a finite loss whose gradient is not.
        rank: The process that does it.
    """

    def __init__(self, batches: Sequence[int], what: str = "loss", rank: int = 0) -> None:
        self.batches = [*batches]
        self.what = what
        self.rank = rank

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        step = pl_module.training_step

        def spoilt(batch: Any, batch_idx: int) -> Tensor:
            loss: Tensor = step(batch, batch_idx)
            if batch_idx not in self.batches or trainer.global_rank != self.rank:
                return loss
            if self.what == "loss":
                return loss * math.nan
            parameter = next(p for p in pl_module.parameters() if p.requires_grad)
            # the value at 0 is 0, the slope is infinite
            return loss + torch.sqrt((parameter - parameter.detach()).sum())

        pl_module.training_step = spoilt  # type: ignore[method-assign]
