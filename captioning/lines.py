"""A file of captions that grows line by line, and that a later run goes on with."""

import argparse
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import tokenizers
import torch

from captioning.json_lines import JsonLines
from captioning.output import Shown, as_record
from captioning.pipeline import Description
from captioning.strategy import Settings, indexes_of, with_index
from lightning_modules.checkpoints.formats import checkpoint_checksum
from utils.cache_key import cache_key, reader_version
from utils.files import file_checksum


class LinesOutput(JsonLines):
    """JSON Lines: an image a line, written as its batch is done, with the checksum of its image.

    Lines of another run, or of an image that is another one now, are left alone: the file is refused.

    Args:
        path: The file; gone on with if it is there, less a last line that was cut short.
        run: This run's fingerprint.
        shown: What is told of captions.

    Raises:
        ValueError: The file has a line of another run or another image, or one that is none of caption.py's.
    """

    script = "caption.py"
    noun = "images"

    def __init__(self, path: Path, run: str, shown: Shown) -> None:
        super().__init__(path, run)
        self.shown = shown

    @property
    def option(self) -> str:
        return f"--out {self.path}"

    def write(self, descriptions: Sequence[Description]) -> None:
        self.append(
            [
                as_record(description, self.shown) | {"checksum": _checksum(description.path)}
                for description in descriptions
            ]
        )

    def identify(self, record: Mapping[str, Any], number: int) -> str:
        image, checksum = str(record["image"]), record["checksum"]
        if Path(image).is_file() and _checksum(Path(image)) != checksum:
            raise ValueError(
                f"{self.option}: line {number} was written of another image than {image} is now; name another file"
            )
        return image


def _checksum(image: Path) -> str:
    return file_checksum(image)[:16]


def fingerprint(options: argparse.Namespace, strategies: Sequence[Settings], ranking: Settings | None) -> str:
    """Return a short checksum of all that an image's captions depend on, but for the image."""
    return cache_key(
        checkpoint=checkpoint_checksum(options.checkpoint),
        others=[*map(checkpoint_checksum, options.others)],
        device=torch.device(options.device).type,  # CPU and GPU draw different random numbers
        seed=options.seed,
        strategies=strategies,
        words=options.words,
        style=[options.style, options.style_caption, options.traverse, options.values, options.interpolate],
        style_from=options.style_from and file_checksum(options.style_from),
        ranking=ranking and with_index(ranking, ""),
        indexes=[file_checksum(path) for path in indexes_of(ranking or {})],
        reader=reader_version(),
        libraries=[metadata.version("timm"), tokenizers.__version__],
    )[:16]
