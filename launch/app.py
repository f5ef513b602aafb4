"""What the scripts that Hydra runs have in common; help and mistakes are answered before torch is imported."""

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from launch.help import asks_for_help, print_help
from launch.run_folder import in_own_folder
from launch.sweeps import recorded, with_sweeps
from utils.errors import FULL_ERROR, in_one_line, show_traceback

Job = Callable[..., Any]


class Composing:
    """A context in which Hydra raises what is wrong with a config, where it would print it in many lines and exit.

    Attributes:
        has_ended: Whether the job has begun, which is told by `end`: what it raises is its own.
    """

    def __init__(self) -> None:
        self.has_ended = False
        self._given: str | None = None

    def __enter__(self) -> None:
        self.has_ended, self._given = False, os.environ.get(FULL_ERROR)
        os.environ[FULL_ERROR] = "1"

    def __exit__(self, *error: object) -> None:
        self._restore()

    def end(self) -> None:
        """Leave Hydra as it was, also in a process that a sweep has started with what is set here."""
        self.has_ended = True
        self._restore()

    def _restore(self) -> None:
        if self._given is None:
            os.environ.pop(FULL_ERROR, None)
        else:
            os.environ[FULL_ERROR] = self._given


def hydra_main(config_name: str) -> Callable[[Job], Job]:
    """Make a script of a job that takes a config.

    From the outermost: help is printed, or in one line what Hydra cannot compose; a sweep ends with a table of its
    jobs; Hydra composes the config of `conf/CONFIG_NAME.yaml`; a job of a sweep leaves a record; a user's mistake ends
    it in one line; its folder is its own.
    """

    def decorate(job: Job) -> Job:
        guarded, composing = recorded(in_one_line(in_own_folder(job))), Composing()

        @functools.wraps(job)
        def begin(config: DictConfig) -> Any:
            composing.end()
            return guarded(config)

        script = with_sweeps(hydra.main(version_base="1.3", config_path="conf", config_name=config_name)(begin))

        @functools.wraps(job)
        def start(*args: Any) -> Any:
            if args:
                return script(*args)
            try:
                if asks_for_help(sys.argv[1:]):
                    print_help(config_name, sys.argv[1:])
                    return None
                with composing:
                    return script()
            except (HydraException, OmegaConfBaseException) as error:
                if composing.has_ended or show_traceback():
                    raise
                from launch.misspelled import mistake_in  # here: few need it

                print(f"error: {mistake_in(config_name, sys.argv[1:], error)}", file=sys.stderr)
                raise SystemExit(1) from None

        return start

    return decorate
