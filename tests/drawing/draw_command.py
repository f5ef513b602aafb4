"""draw.py as the command line runs it, for the tests of its parts."""

import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from drawing.arguments import parse_arguments
from drawing.run import run
from lightning_modules import load_captioner
from tests.tiny_run import TinyRun

SIZE, GRID = 32, 4  # pixels of the tiny model's images, and rows of their codes


def draw(*arguments: object) -> None:
    """Run the command in this process; mistakes are raised."""
    run(parse_arguments([str(argument) for argument in arguments]))


def draw_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, Any]]:
    """Run the command with `--json` and return what it prints."""
    capsys.readouterr()
    draw(*arguments, "--json")
    printed: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return printed


def prompts_of(run: TinyRun, num: int) -> list[str]:
    """Return prompts of words that a tiny model knows."""
    return [f"{one} {other}" for one, other in pairwise(_words(run.best)[-num - 1 :])]


@cache
def _words(checkpoint: Path) -> list[str]:
    return load_captioner(checkpoint).tokenizer.words


def width_of(path: Path) -> int:
    """Return how wide a sheet is, in pixels."""
    with Image.open(path) as sheet:
        assert (sheet.format, sheet.mode) == ("PNG", "RGB")
        return sheet.width
