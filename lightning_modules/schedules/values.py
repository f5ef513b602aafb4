"""Numbers that change over training, as functions of the step alone: nothing compounds, any step can be resumed."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from utils.require import require

Schedule = Callable[[int], float]


@dataclass(frozen=True)
class Constant:
    """The same value at every step."""

    value: float

    def __post_init__(self) -> None:
        _require_values(self.value)

    def __call__(self, step: int) -> float:
        return self.value


@dataclass(frozen=True)
class LinearWarmup:
    """`start` for `delay` steps, from there to `end` on a straight line over `steps` steps, then `end`."""

    start: float
    end: float
    steps: int
    delay: int = 0

    def __post_init__(self) -> None:
        _require_steps(self.steps)
        _require_values(self.start, self.end)

    def __call__(self, step: int) -> float:
        progress = (step - self.delay) / self.steps
        return self.start + (self.end - self.start) * min(max(progress, 0.0), 1.0)


@dataclass(frozen=True)
class Cyclical:
    """Sawtooth (Fu et al. 2019, equation 6): each cycle climbs from `start` to `end`, then stays.

    Attributes:
        start: Value at the beginning of each cycle.
        end: Value at the end of each cycle.
        steps: Steps a cycle.
        climb: Share of a cycle that the climb takes, R in the paper.
    """

    start: float
    end: float
    steps: int
    climb: float = 0.5

    def __post_init__(self) -> None:
        _require_steps(self.steps)
        _require_values(self.start, self.end)
        require(
            0 < self.climb <= 1,
            "a schedule's climb, such as model.loss.kl_loss_weight.climb,",
            "above 0 and at most 1",
            self.climb,
        )

    def __call__(self, step: int) -> float:
        progress = (step % self.steps) / self.steps
        return self.start + (self.end - self.start) * min(progress / self.climb, 1.0)


@dataclass(frozen=True)
class Exponential:
    """From `start` to `end` by a constant factor a step over the first `steps` steps, then `end`; for temperatures."""

    start: float
    end: float
    steps: int

    def __post_init__(self) -> None:
        _require_steps(self.steps)
        if self.start <= 0 or self.end <= 0:
            raise ValueError(
                f"start and end of an exponential schedule must be above 0, got {self.start} and {self.end}"
            )

    def __call__(self, step: int) -> float:
        progress = min(step / self.steps, 1.0)
        return math.exp((1 - progress) * math.log(self.start) + progress * math.log(self.end))


@dataclass(frozen=True)
class Cosine:
    """From `start` to `end` on half a cosine over the first `steps` steps, then `end`.

    The temperature of the discrete VAE of Ramesh et al. (2021, appendix A.2) falls so.
    """

    start: float
    end: float
    steps: int

    def __post_init__(self) -> None:
        _require_steps(self.steps)
        _require_values(self.start, self.end)

    def __call__(self, step: int) -> float:
        progress = min(step / self.steps, 1.0)
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * progress)) / 2


def as_schedule(value: float | Schedule) -> Schedule:
    """Let a plain number stand for the schedule that never changes it."""
    return value if callable(value) else Constant(float(value))


def _require_values(*values: float) -> None:
    require(
        min(values) >= 0,
        "a weight of the loss or a temperature, also at a schedule's ends,",
        "0 or more",
        min(values),
    )


def _require_steps(steps: int) -> None:
    require(steps >= 1, "a schedule's steps, such as model.loss.kl_loss_weight.steps,", "at least 1", steps)
