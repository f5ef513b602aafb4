"""Runs that are killed at random go on as if nothing had happened. `benchmarks/faults.py` kills more of them."""

import random
import signal
from pathlib import Path

import pytest

from tests.faults.killing import BASE, Reference
from tests.faults.random_settings import draw_settings

BY_STEPS = (
    *BASE,
    "trainer.max_epochs=-1",
    "trainer.max_steps=11",
    "model/scheduler=constant",
    "optimized_metric=null",
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "variant", ["validation in mid-epoch, averaged weights", "two workers", "by steps", "two processes"]
)
def test_losses_after_a_kill_are_those_of_a_run_without(variant: str, tmp_path: Path) -> None:
    reference = Reference.of(tmp_path, variant)
    outcome = reference.killed("killed", random.Random(variant), most_kills=1)
    assert outcome.kills == 1
    assert outcome.differing == []
    assert outcome.steps >= 11


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 9])
def test_runs_that_are_stopped_or_killed_under_random_settings_go_on_exactly(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    reference = Reference(tmp_path, draw_settings(draw))
    signals = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
    outcome = reference.killed("killed", draw, most_kills=2, signals=signals)
    assert outcome.kills >= 1
    assert outcome.differing == []


@pytest.fixture(scope="module")
def by_steps(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A run of two epochs of five steps, and one step more."""
    return Reference(tmp_path_factory.mktemp("by_steps"), BY_STEPS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "validated"),
    [
        ("trainer.max_steps=3", False),
        ("trainer.max_steps=5", False),
        ("trainer.max_epochs=1", False),
        ("+callbacks.stop={_target_: tests.faults.witness.StopAfter, batch: 7}", True),
    ],
    ids=["in mid-epoch", "with an epoch", "by epochs", "as by the clock"],
)
def test_a_run_that_any_limit_has_ended_can_be_prolonged(limit: str, validated: bool, by_steps: Reference) -> None:
    outcome = by_steps.prolonged("prolonged", [limit], validated=validated)
    assert (outcome.steps, outcome.differing) == (11, [])
