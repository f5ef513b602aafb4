"""Runs that are killed at random go on as if nothing had happened. `benchmarks/faults.py` kills more of them."""

import random
from pathlib import Path

import pytest

from tests.faults.killing import Reference


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["validation in mid-epoch, averaged weights", "two workers", "two processes"])
def test_losses_after_a_kill_are_those_of_a_run_without(variant: str, tmp_path: Path) -> None:
    reference = Reference(tmp_path, variant)
    outcome = reference.killed("killed", random.Random(variant), most_kills=1)
    assert outcome.kills == 1
    assert outcome.differing == []
    assert outcome.steps >= 15
