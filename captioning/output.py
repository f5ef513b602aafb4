"""What is made of descriptions: text or JSON on stdout, and a picture of reconstructed images.

Shape legend: N captions, H rows, W columns.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torchvision.utils import make_grid, save_image

from captioning.pipeline import Description
from lightning_modules.losses.terms import to_unit_interval
from metrics.words import on_one_line
from utils.files import atomic_open
from utils.progress import tell

DECIMALS = 4  # of log-probabilities and scores; what lies behind depends on the machine


class Shown(NamedTuple):
    """What is told of captions beside themselves.

    Attributes:
        styles: The name of each caption's style; None where none was asked for.
        scores: Whether something ranks the captions, so that scores say more than log-probabilities.
    """

    styles: list[str] | None = None
    scores: bool = False


class Output(Protocol):
    """Takes descriptions, a batch at a time."""

    def write(self, descriptions: Sequence[Description]) -> None:
        """Take the next images' descriptions."""
        ...

    def finish(self) -> None:
        """Write what was held back until the end."""
        ...


class TextOutput:
    """Prints each image's captions at once, below a progress bar that stays whole."""

    def __init__(self, shown: Shown) -> None:
        self.shown = shown

    def write(self, descriptions: Sequence[Description]) -> None:
        for description in descriptions:
            tell(as_text(description, self.shown))

    def finish(self) -> None:
        return


class JsonOutput:
    """Prints one list at the end."""

    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        self.records: list[dict[str, Any]] = []

    def write(self, descriptions: Sequence[Description]) -> None:
        self.records += [as_record(description, self.shown) for description in descriptions]

    def finish(self) -> None:
        print(json.dumps(self.records, indent=2))


class PictureOutput:
    """Saves one picture of all images at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptions: list[Description] = []

    def write(self, descriptions: Sequence[Description]) -> None:
        self.descriptions += descriptions

    def finish(self) -> None:
        if not self.descriptions:
            raise ValueError(f"--save-reconstruction {self.path}: there is no usable image to draw")
        save_picture(as_picture(self.descriptions), self.path)


def as_text(description: Description, shown: Shown) -> str:
    """Return the file's name and its numbered captions, with their styles where there are several."""
    lines = [str(description.path)]
    labels = shown.styles or []
    several = len(set(labels)) > 1
    for number, caption in enumerate(description.captions):
        unfinished = "" if description.finished[number] else " …"
        style = f"  ({labels[number]})" if several else ""
        lines.append(f"  {number + 1}. {on_one_line(caption)}{unfinished}{style}")
    return "\n".join(lines)


def as_record(description: Description, shown: Shown) -> dict[str, Any]:
    """Return an image's captions, and what is known of each, as JSON has it."""
    record: dict[str, Any] = {
        "image": str(description.path),
        "captions": description.captions,
        "log_probabilities": [round(nats, DECIMALS) for nats in description.log_probabilities],
        "finished": description.finished,
    }
    if description.num_draws is not None:
        record["num_draws"] = description.num_draws
    if shown.scores:
        record["scores"] = [round(score, DECIMALS) for score in description.scores]
    if shown.styles is not None:
        record["styles"] = shown.styles
    return record


def as_picture(descriptions: Sequence[Description]) -> Tensor:
    """Return one picture: a row an image, the original first, then one reconstructed from each caption."""
    rows: list[Tensor] = []
    for description in descriptions:
        assert description.reconstruction_N3HW is not None, (
            "the model has an image decoder, and was asked to reconstruct"
        )
        size = description.reconstruction_N3HW.shape[-1]
        rows += [to_unit_interval(description.image_3HW[None], size), description.reconstruction_N3HW]
    return make_grid(torch.cat(rows), nrow=1 + len(descriptions[0].captions), pad_value=1.0)


def save_picture(picture: Tensor, path: Path) -> None:
    """Write a PNG under a temporary name and move it into place."""
    with atomic_open(path, "wb") as file:
        save_image(picture, file, format="png")
