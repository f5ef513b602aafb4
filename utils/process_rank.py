"""Which of several processes this one is, known before torch and Lightning are imported."""

import functools
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

VARIABLES = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")  # as Lightning reads them
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def is_first_process() -> bool:
    """Return whether no other process has started this one, or this one is the first of several."""
    return int(next((os.environ[name] for name in VARIABLES if name in os.environ), "0")) == 0


def first_process_only(function: Callable[Parameters, Result]) -> Callable[Parameters, Result | None]:
    """Let a function do nothing, and return None, in all processes but the first."""

    @functools.wraps(function)
    def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result | None:
        return function(*args, **kwargs) if is_first_process() else None

    return wrapped
