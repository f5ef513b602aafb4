"""Command lines that are read by argparse, whose errors name what a misspelled option may have been meant to be."""

import argparse
import re
from typing import NoReturn

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
