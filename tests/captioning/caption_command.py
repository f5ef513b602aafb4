"""caption.py as the command line runs it, for the tests of its parts."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from captioning.arguments import parse_arguments
from captioning.run import run


def caption(*arguments: object) -> None:
    """Run the command in this process; mistakes are raised."""
    run(parse_arguments([str(argument) for argument in arguments]))


def caption_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, Any]]:
    """Run the command with `--json` and return what it prints."""
    capsys.readouterr()
    caption(*arguments, "--json")
    printed: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return printed


def save_pictures(folder: Path, names: Sequence[str]) -> list[Path]:
    """Save a picture of its own noise under each name."""
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((40, 40), 90).convert("RGB").save(path)
    return paths
