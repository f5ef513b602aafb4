"""What the scripts that Hydra runs have in common; help and mistakes are answered before torch is imported."""

import functools
import sys
from collections.abc import Callable
from typing import Any

import hydra

from launch.help import asks_for_help, print_help
from launch.run_folder import in_own_folder
from launch.sweeps import recorded, with_sweeps
from utils.errors import in_one_line

Job = Callable[..., Any]


def hydra_main(config_name: str) -> Callable[[Job], Job]:
    """Make a script of a job that takes a config.

    From the outermost: help is printed; a sweep ends with a table of its jobs; Hydra composes the config of
    `conf/CONFIG_NAME.yaml`; a job of a sweep leaves a record; a user's mistake ends it in one line; its folder is its
    own.
    """

    def decorate(job: Job) -> Job:
        guarded = recorded(in_one_line(in_own_folder(job)))
        script = with_sweeps(hydra.main(version_base="1.3", config_path="conf", config_name=config_name)(guarded))

        @functools.wraps(job)
        def start(*args: Any) -> Any:
            if not args and asks_for_help(sys.argv[1:]):
                print_help(config_name, sys.argv[1:])
                return None
            return script(*args)

        return start

    return decorate
