"""What work costs where other work shares the machine: CPU seconds instead of those of the clock."""

import resource
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def cpu_seconds(job: Callable[[], Result]) -> tuple[float, Result]:
    """Run a job; return its CPU seconds, of all threads and of child processes that have ended, and its result."""
    before = _spent()
    result = job()
    return _spent() - before, result


def _spent() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
