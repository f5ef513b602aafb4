"""Commands: lines that are read by argparse, whose errors name what a misspelled option may have been meant to be."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NoReturn

from utils.display import show_any_text
from utils.machine_faults import out_of_memory
from utils.path_faults import error_line
from utils.suggestions import did_you_mean

CHOICES = re.compile(r"invalid choice: '([^']*)' \(choose from (.*)\)$")


class CommandParser(argparse.ArgumentParser):
    """argparse's parser, with suggestions."""

    def error(self, message: str) -> NoReturn:
        super().error(self.with_suggestions(message))

    def with_suggestions(self, message: str) -> str:
        """Return a message with what its unknown option, or its unknown choice, may have been meant to be."""
        if message.startswith("unrecognized arguments: "):
            given = next((word for word in message.split()[2:] if word.startswith("-")), "")
            return message + did_you_mean(given.partition("=")[0], [*self._option_string_actions])
        choice = CHOICES.search(message)
        return message if choice is None else message + did_you_mean(choice[1], re.findall(r"[\w-]+", choice[2]))


def run_command(
    parse: Callable[[Sequence[str] | None], argparse.Namespace],
    module: str,
    arguments: Sequence[str] | None,
    *,
    to_lower: str | None = None,
) -> None:
    """Run a script: a user's mistake gets one line and exit code 1; nobody who reads any more, exit code 1 alone.

    Args:
        parse: Reads the command line.
        module: The name of the module whose `run` does the work, imported after parsing alone: help and mistakes need
            not wait for torch. `__name__` for that of the script itself.
        arguments: The command line; None for that of the process.
        to_lower: The options that take less memory the lower they are; None where none does.
    """
    show_any_text()
    options = argparse.Namespace()
    try:
        options = parse(arguments)
        import_module(module).run(options)
    except BrokenPipeError:  # who reads has seen enough, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # where Python's last flush does not fail again
        sys.exit(1)
    except (ValueError, OSError) as error:
        sys.exit(error_line(error, options))
    except (RuntimeError, MemoryError) as error:
        if to_lower is None or not out_of_memory(error):
            raise
        sys.exit(f"error: out of memory; lower {to_lower}, or choose --device cpu")
