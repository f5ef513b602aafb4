"""What the scripts that Hydra runs have in common; help and mistakes are answered before torch is imported."""

import functools
import sys
from collections.abc import Callable
from typing import Any

import hydra
from omegaconf import DictConfig

from launch.help import asks_for_help, print_help
from launch.run_folder import in_own_folder
from launch.sweeps import recorded, with_sweeps
from utils.errors import in_one_line

Job = Callable[..., Any]


def hydra_main(config_name: str) -> Callable[[Job], Job]:
    """Make a script of a job that takes a config.

    From the outermost: help is printed, and what a misspelled key may have been meant to be; a sweep ends with a table
    of its jobs; Hydra composes the config of `conf/CONFIG_NAME.yaml`; a job of a sweep leaves a record; a user's
    mistake ends it in one line; its folder is its own.
    """

    def decorate(job: Job) -> Job:
        begun: list[bool] = []

        def beginning(config: DictConfig) -> Any:
            begun.append(True)
            return job(config)

        guarded = functools.wraps(job)(recorded(in_one_line(in_own_folder(beginning))))
        script = with_sweeps(hydra.main(version_base="1.3", config_path="conf", config_name=config_name)(guarded))

        @functools.wraps(job)
        def start(*args: Any) -> Any:
            if not args and asks_for_help(sys.argv[1:]):
                print_help(config_name, sys.argv[1:])
                return None
            begun.clear()
            try:
                return script(*args)
            except SystemExit as end:
                if end.code and not begun and not args:  # Hydra could not compose the config, and has said why
                    from launch.misspelled import tell_meant  # here: few need it

                    tell_meant(config_name, sys.argv[1:])
                raise

        return start

    return decorate
