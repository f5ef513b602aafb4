"""A user's mistake gets one clear line, not a traceback."""

import functools
import os
import sys
from collections.abc import Callable
from typing import TypeVar

from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from omegaconf.errors import OmegaConfBaseException

from utils.machine_faults import advice_on
from utils.path_faults import path_fault, settings_of


class LostProcessError(RuntimeError):
    """Another process of the run is gone; no bug of the one that says so."""


USER_ERRORS = (ValueError, FileNotFoundError, LostProcessError, OmegaConfBaseException)
FULL_ERROR = "HYDRA_FULL_ERROR"  # the variable that asks for tracebacks
OF_LIGHTNING = "MisconfigurationException"  # by its name: Lightning need not be imported to know it
OF_WORKER = "in DataLoader worker process"
Result = TypeVar("Result")


def cause_of(error: BaseException) -> BaseException:
    """Return what went wrong inside of a failed instantiation."""
    while isinstance(error, InstantiationException) and error.__cause__ is not None:
        error = error.__cause__
    return error


def in_one_line(job: Callable[..., Result]) -> Callable[..., Result]:
    """Let a Hydra job end with `error: …` and exit code 1 on a user's mistake, or where the machine gives out.

    With HYDRA_FULL_ERROR=1 the traceback is shown; in a sweep Hydra reports the failed job itself.
    """

    @functools.wraps(job)
    def guarded(*args: object) -> Result:
        try:
            return job(*args)
        except Exception as error:
            cause = cause_of(error)
            path = path_fault(cause, settings_of(args[0] if args else None))
            cause = cause if path is None else ValueError(path)
            fault = advice_on(cause, args[0] if args else None)
            # a value of the wrong type in the config reaches a constructor as a TypeError
            mistake = is_mistake(cause) or (isinstance(error, InstantiationException) and type(cause) is TypeError)
            if show_traceback() or not (mistake or fault):
                raise
            if in_sweep():
                raise (RuntimeError(fault) if fault else cause) from None
            print(f"error: {fault or first_line(cause)}", file=sys.stderr)
            raise SystemExit(1) from None

    return guarded


def is_mistake(error: BaseException) -> bool:
    """Return whether an error is a user's mistake, of settings or of files."""
    return isinstance(error, USER_ERRORS) or any(kind.__name__ == OF_LIGHTNING for kind in type(error).__mro__)


def first_line(error: BaseException) -> str:
    """Return the message without what OmegaConf adds about its own types, and PyTorch of where a process raised it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if lines and OF_WORKER in lines[0]:
        _, _, message = lines[-1].partition(": ")  # a traceback, which ends with the error's class and message
        return message
    return " ".join(line for line in lines if not line.startswith(("full_key:", "object_type=", "reference_type=")))


def show_traceback() -> bool:
    return os.environ.get(FULL_ERROR, "0") != "0"


def in_sweep() -> bool:
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
