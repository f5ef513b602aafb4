"""PyTorch's one-cycle learning rate for runs of any length."""

from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR

NEARLY_NOTHING = 1e-9


class OneCycle(OneCycleLR):
    """Up to the highest rate, then down on a cosine (Smith and Topin 2018): that of PyTorch.

    PyTorch divides by zero where the way up takes exactly one step, as 5 % of 20 steps do; here it does not. A group of
    parameters whose rate is a multiple of the optimizer's has that multiple of the highest rate.

    Args:
        optimizer: Whose learning rate it is.
        max_lr: The highest rate.
        total_steps: Steps of the whole training.
        pct_start: Share of the steps that the way up takes.
        settings: Further ones of `torch.optim.lr_scheduler.OneCycleLR`.
    """

    def __init__(
        self, optimizer: Optimizer, *, max_lr: float, total_steps: int, pct_start: float = 0.3, **settings: Any
    ) -> None:
        if pct_start * total_steps == 1:
            pct_start += NEARLY_NOTHING
        usual = optimizer.defaults["lr"]
        highest = [max_lr * (group["lr"] / usual if usual else 1.0) for group in optimizer.param_groups]
        super().__init__(optimizer, max_lr=highest, total_steps=total_steps, pct_start=pct_start, **settings)
