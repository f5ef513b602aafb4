"""What work costs where other work shares the machine: CPU seconds instead of those of the clock."""

import os
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def cpu_seconds(job: Callable[[], Result]) -> tuple[float, Result]:
    """Run a job; return its CPU seconds, of all threads and of child processes that have ended, and its result."""
    before = os.times()
    result = job()
    after = os.times()
    return sum(after[:4]) - sum(before[:4]), result
