"""Schedules: numbers that follow the training step, and the learning rate's."""

from lightning_modules.schedules.one_cycle import OneCycle
from lightning_modules.schedules.values import (
    Constant,
    Cosine,
    Cyclical,
    Exponential,
    LinearWarmup,
    Schedule,
    as_schedule,
)
from lightning_modules.schedules.warmup_cosine import WarmupCosine

__all__ = [
    "Constant",
    "Cosine",
    "Cyclical",
    "Exponential",
    "LinearWarmup",
    "OneCycle",
    "Schedule",
    "WarmupCosine",
    "as_schedule",
]
