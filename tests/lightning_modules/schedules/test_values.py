import math
from itertools import pairwise

import pytest

from lightning_modules.schedules import Constant, Cosine, Cyclical, Exponential, LinearWarmup, Schedule, as_schedule

SCHEDULES = [
    Constant(0.5),
    LinearWarmup(start=0.0, end=1.0, steps=7),
    Cyclical(start=0.1, end=0.9, steps=8, climb=0.5),
    Exponential(start=2.0, end=0.5, steps=9),
    Cosine(start=1.0, end=0.0625, steps=9),
]


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (Constant(0.3), {0: 0.3, 1: 0.3, 10**6: 0.3}),
        (LinearWarmup(start=0.2, end=1.0, steps=4), {0: 0.2, 1: 0.4, 2: 0.6, 4: 1.0, 5: 1.0, 10**6: 1.0}),
        (LinearWarmup(start=1.0, end=0.0, steps=10), {0: 1.0, 5: 0.5, 10: 0.0, 11: 0.0}),
        (
            Cyclical(start=0.0, end=2.0, steps=8, climb=0.5),
            {0: 0.0, 1: 0.5, 2: 1.0, 4: 2.0, 7: 2.0, 8: 0.0, 9: 0.5, 12: 2.0, 8000: 0.0, 8001: 0.5},
        ),
        (Cyclical(start=1.0, end=2.0, steps=4, climb=1.0), {0: 1.0, 1: 1.25, 3: 1.75, 4: 1.0}),
        (Exponential(start=4.0, end=1.0, steps=2), {0: 4.0, 1: 2.0, 2: 1.0, 3: 1.0}),
        (Exponential(start=1.0, end=1e-3, steps=3), {1: 0.1, 2: 0.01, 3: 1e-3, 10**6: 1e-3}),
        (Cosine(start=1.0, end=0.0, steps=6), {0: 1.0, 2: 0.75, 3: 0.5, 4: 0.25, 6: 0.0, 7: 0.0, 10**6: 0.0}),
        (Cosine(start=1.0, end=1 / 16, steps=2), {0: 1.0, 1: 17 / 32, 2: 1 / 16, 3: 1 / 16}),
    ],
)
def test_hand_values(schedule: Schedule, values: dict[int, float]) -> None:
    assert {step: schedule(step) for step in values} == pytest.approx(values)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_nothing_compounds(schedule: Schedule) -> None:
    forwards = [schedule(step) for step in range(30)]
    backwards = [schedule(step) for step in reversed(range(30)) for _ in range(3)][::3]
    assert forwards == backwards[::-1]


def test_a_number_stands_for_itself_at_every_step() -> None:
    assert [as_schedule(3)(step) for step in (0, 1, 99)] == [3.0] * 3
    warmup = LinearWarmup(start=0.0, end=1.0, steps=2)
    assert as_schedule(warmup) is warmup


def test_refuses_what_has_no_meaning() -> None:
    for make in (LinearWarmup, Cyclical, Exponential, Cosine):
        with pytest.raises(ValueError, match=r"kl_loss_weight\.steps, must be at least 1, got 0"):
            make(start=1.0, end=1.0, steps=0)
    for make in (LinearWarmup, Cyclical, Cosine):
        with pytest.raises(ValueError, match="must be 0 or more, got -1"):
            make(start=-1.0, end=1.0, steps=1)
    with pytest.raises(ValueError, match=r"must be 0 or more, got -0\.5"):
        as_schedule(-0.5)
    for climb in (0.0, 1.5):
        with pytest.raises(ValueError, match=f"climb, must be above 0 and at most 1, got {climb}"):
            Cyclical(start=0.0, end=1.0, steps=1, climb=climb)
    with pytest.raises(ValueError, match=r"start and end .* must be above 0, got 1.0 and 0.0"):
        Exponential(start=1.0, end=0.0, steps=1)


def test_exponential_is_straight_in_the_logarithm() -> None:
    schedule = Exponential(start=5.0, end=0.2, steps=50)
    logs = [math.log(schedule(step)) for step in range(51)]
    differences = [after - before for before, after in pairwise(logs)]
    assert differences == pytest.approx([math.log(0.2 / 5.0) / 50] * 50)
