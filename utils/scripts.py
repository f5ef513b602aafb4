"""How the scripts of this project are started, for what they print of each other."""

import os
from pathlib import Path

FACET = "FACET_COMMAND"  # in the environment of scripts that the command `facet` has started


def script_words(script: str) -> list[str]:
    """Return how a script is started here: `python train.py`, or `facet train` where `facet` has started this one.

    Args:
        script: Its file's name.
    """
    return ["facet", Path(script).stem] if os.environ.get(FACET) else ["python", script]


def script_command(script: str) -> str:
    """Return the same as one text, for the help of the script itself."""
    return " ".join(script_words(script))
