"""A file of captions that grows line by line, and that a later run goes on with."""

import argparse
import json
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import tokenizers
import torch

from captioning.output import Shown, as_record
from captioning.pipeline import Description
from captioning.strategy import Settings, indexes_of, with_index
from lightning_modules.checkpoints.formats import checkpoint_checksum
from utils.cache_key import cache_key, reader_version
from utils.files import file_checksum


class LinesOutput:
    """JSON Lines: an image a line, written as its batch is done.

    Each line begins with the fingerprint of its run, and ends with the checksum of its image. Lines of another run, or
    of an image that is another one now, are left alone: the file is refused.

    Args:
        path: The file; gone on with if it is there, less a last line that was cut short.
        run: This run's fingerprint.
        shown: What is told of captions.

    Attributes:
        done: The images that the file had before.

    Raises:
        ValueError: The file has a line of another run or another image, or one that is none of caption.py's.
    """

    def __init__(self, path: Path, run: str, shown: Shown) -> None:
        self.path = path
        self.run = run
        self.shown = shown
        self.done: set[str] = set()
        self.num_written = 0
        if path.exists():
            self._go_on()

    def write(self, descriptions: Sequence[Description]) -> None:
        records = [
            {"run": self.run, **as_record(description, self.shown), "checksum": _checksum(description.path)}
            for description in descriptions
        ]
        with self.path.open("ab") as file:
            file.write("".join(f"{json.dumps(record)}\n" for record in records).encode())
        self.num_written += len(records)

    def finish(self) -> None:
        self.path.touch()  # no line at all is a result, too
        print(f"{self.path}: {self.num_written} images written", file=sys.stderr)

    def _go_on(self) -> None:
        """Read which images are done, and cut off a torn last line."""
        whole = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    self._refuse_foreign_end(line, number)
                    break
                self.done.add(self._image_of(line, number))
                whole += len(line)
        if whole < self.path.stat().st_size:
            with self.path.open("r+b") as file:
                file.truncate(whole)
        print(f"{self.path}: goes on after {len(self.done)} images that are there already", file=sys.stderr)

    def _image_of(self, line: bytes, number: int) -> str:
        try:
            record = json.loads(line)
            run, image, checksum = record["run"], str(record["image"]), record["checksum"]
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(self._foreign(number)) from error
        if run != self.run:
            raise ValueError(
                f"--out {self.path}: line {number} was written by another run ({run}, this one is {self.run}): another "
                f"checkpoint, other settings, another seed or other versions of libraries; name another file, or run "
                f"with the same again"
            )
        if Path(image).is_file() and _checksum(Path(image)) != checksum:
            raise ValueError(
                f"--out {self.path}: line {number} was written of another image than {image} is now; name another file"
            )
        return image

    def _refuse_foreign_end(self, line: bytes, number: int) -> None:
        """Raise a `ValueError` unless a line without end may be the start of one of this run."""
        start = f'{{"run": "{self.run}", '.encode()
        if not line.startswith(start) and not start.startswith(line):
            raise ValueError(self._foreign(number))

    def _foreign(self, number: int) -> str:
        return f"--out {self.path}: line {number} was not written by this run of caption.py; name another file"


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
