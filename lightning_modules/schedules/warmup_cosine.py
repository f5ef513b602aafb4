"""A learning rate schedule that can be prolonged."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from utils.require import require


class WarmupCosine(LambdaLR):
    """Up to the optimizer's rate on a straight line, then down on half a cosine (Loshchilov & Hutter 2017, equation 5).

    The rate depends on the step and the total alone, so that a run which goes on with more epochs than it was begun
    with takes the rate of the longer schedule from then on (see `OptimizedModule`).

    Args:
        optimizer: Its learning rate is the highest one.
        total_steps: Steps of the whole training.
        warmup_share: Share of the steps that the way up takes.
        final_share: Share of the highest rate that is left at the end.

    Raises:
        ValueError: A share is out of its range.
    """

    def __init__(
        self, optimizer: Optimizer, *, total_steps: int, warmup_share: float = 0.05, final_share: float = 0.0
    ) -> None:
        for name, share in (("warmup_share", warmup_share), ("final_share", final_share)):
            require(0 <= share < 1, f"model.scheduler.{name}", "from 0 to below 1", share)
        warmup = max(1, round(warmup_share * total_steps))

        def factor(step: int) -> float:
            if step < warmup:
                return (step + 1) / warmup
            progress = min((step - warmup) / max(1, total_steps - warmup), 1.0)
            return final_share + (1 - final_share) * (1 + math.cos(math.pi * progress)) / 2

        super().__init__(optimizer, factor)
