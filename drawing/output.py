"""What is made of drawings: a labelled sheet, JSON on stdout, or a folder of images that a later run goes on with."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from captioning.json_lines import JsonLines
from captioning.output import DECIMALS
from captioning.strategy import Settings
from drawing.pipeline import Drawings
from lightning_modules.checkpoints.formats import checkpoint_checksum
from pictures.drawing_sheet import LabelledImage, SheetRow, draw_sheet
from pictures.pixels import to_picture
from utils.cache_key import cache_key, reader_version
from utils.files import atomic_open, file_checksum

LINES = "drawings.jsonl"


class Output(Protocol):
    """Takes drawings, prompt by prompt."""

    def write(self, number: int, drawings: Drawings) -> None:
        """Take the drawings of the next prompt, which has this number, from 1."""
        ...

    def finish(self) -> None:
        """Write what was held back until the end."""
        ...


class SheetOutput:
    """Saves one labelled picture of all drawings at the end.

    Args:
        path: The file.
        label: What the numbers below drawings are: what they are ranked by, or their log probabilities.
        prime: The image that they begin with, and what to call it; None for none.
    """

    def __init__(self, path: Path, label: str, prime: LabelledImage | None) -> None:
        self.path = path
        self.label = label
        self.prime = prime
        self.rows: list[SheetRow] = []

    def write(self, number: int, drawings: Drawings) -> None:
        self.rows.append(self._row(drawings))

    def finish(self) -> None:
        sheet = draw_sheet(self.rows)
        with atomic_open(self.path, "wb") as file:
            sheet.save(file, format="PNG")

    def _row(self, drawings: Drawings) -> SheetRow:
        scores = drawings.scores or drawings.log_probabilities
        labels = [f"{self.label} {score:.1f}".replace("-", "−") for score in scores]
        images = [LabelledImage(*each) for each in zip(drawings.images_M3HW, labels, strict=True)]
        return SheetRow(drawings.prompt, [*([self.prime] if self.prime else []), *images])


class JsonOutput:
    """Prints one list at the end."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def write(self, number: int, drawings: Drawings) -> None:
        self.records.append(as_record(drawings))

    def finish(self) -> None:
        print(json.dumps(self.records))


class FolderOutput(JsonLines):
    """A picture of each drawing, `00001-1.png` and so on, and in `drawings.jsonl` a line for each prompt.

    Pictures are written first: a prompt that has a line has all of its pictures.

    Args:
        folder: The folder; gone on with if it is there.
        run: This run's fingerprint.
        prompts: All that is drawn, by whose numbers files are named.

    Raises:
        ValueError: It has files but no such lines; or these are of another run or of other prompts, or a picture is
            gone.
    """

    script = "draw.py"
    noun = "prompts"

    def __init__(self, folder: Path, run: str, prompts: Sequence[str]) -> None:
        self.folder = folder
        self.prompts = prompts
        folder.mkdir(exist_ok=True)
        if not (folder / LINES).exists() and any(folder.iterdir()):
            raise ValueError(f"{self.option}: expected an empty folder, or one of draw.py with {LINES}; name another")
        super().__init__(folder / LINES, run)
        self.path.touch()  # from now on the folder is known

    @property
    def option(self) -> str:
        return f"--folder {self.folder}"

    def write(self, number: int, drawings: Drawings) -> None:
        names = [f"{number:05d}-{place}.png" for place in range(1, 1 + len(drawings.images_M3HW))]
        for name, image_3HW in zip(names, drawings.images_M3HW, strict=True):
            save_image(image_3HW, self.folder / name)
        self.append([{"number": number, **as_record(drawings), "images": names}])

    def identify(self, record: Mapping[str, Any], number: int) -> str:
        which, prompt = int(record["number"]), record["prompt"]
        if which > len(self.prompts) or self.prompts[which - 1] != prompt:
            raise ValueError(
                f"{self.option}: line {number} was written of prompt {which}, {prompt!r}, which is another now; name "
                f"another folder"
            )
        gone = [name for name in record["images"] if not (self.folder / name).is_file()]
        if gone:
            raise ValueError(f"{self.option}: line {number} is of {gone[0]}, which is gone; name another folder")
        return str(which)


def as_record(drawings: Drawings) -> dict[str, Any]:
    """Return a prompt's drawings, and what is known of each, as JSON has it."""
    record: dict[str, Any] = {
        "prompt": drawings.prompt,
        "codes": drawings.codes_MP.tolist(),
        "log_probabilities": _rounded(drawings.log_probabilities),
    }
    if drawings.scores is not None:
        record["scores"] = _rounded(drawings.scores)
    if drawings.num_drawn != len(drawings.log_probabilities):
        record["num_drawn"] = drawings.num_drawn
    return record


def save_image(image_3HW: Tensor, path: Path) -> None:
    """Write a PNG under a temporary name and move it into place."""
    with atomic_open(path, "wb") as file:
        to_picture(image_3HW).save(file, format="PNG")


def fingerprint(options: argparse.Namespace, num: int, drawing: Settings, ranking: Settings | None) -> str:
    """Return a short checksum of all that a prompt's drawings depend on, but for the prompt."""
    return cache_key(
        checkpoint=checkpoint_checksum(options.checkpoint),
        device=torch.device(options.device).type,  # CPU and GPU round differently
        seed=options.seed,
        num=num,
        drawing=drawing,
        ranking=ranking,
        keep=options.keep,
        prime=options.prime and file_checksum(options.prime),
        prime_rows=options.prime_rows,
        reader=reader_version(),
    )[:16]


def _rounded(nats: Sequence[float]) -> list[float]:
    return [round(value, DECIMALS) for value in nats]
