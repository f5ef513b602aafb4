"""The page of `caption.py --explain`, which needs nothing else: no server, no network, no script."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from captioning.explain.traversal import ImageStyles, traverse_styles
from captioning.output import Shown
from captioning.pipeline import Description
from lightning_modules import CaptioningModule
from lightning_modules.results.explained_captions import ExplainedCaption
from pictures.pages.templates import templates_of
from utils.display import as_unicode
from utils.files import atomic_write_text


class ExplainedPicture(NamedTuple):
    """What the page shows of an image.

    Attributes:
        name: Its path.
        image_3HW: As the model sees it, `uint8`.
        captions: Its captions, explained.
        labels: The name of each caption's style; empty where none was asked for.
        styles: What its style does; None for a model without latents, or where a style was asked for.
    """

    name: str
    image_3HW: Tensor
    captions: Sequence[ExplainedCaption]
    labels: Sequence[str]
    styles: ImageStyles | None


class PageOutput:
    """Writes one page of all images at the end.

    Args:
        path: The file.
        captioner: What has described the images.
        shown: What is told of captions.
    """

    def __init__(self, path: Path, captioner: CaptioningModule, shown: Shown) -> None:
        self.path = path
        self.captioner = captioner
        self.labels = shown.styles or []
        self.pictures: list[ExplainedPicture] = []

    def write(self, descriptions: Sequence[Description]) -> None:
        for description in descriptions:
            assert description.explained is not None, "the descriptions were to be explained"
            styles = None
            if self.captioner.has_latents and not self.labels:
                styles = traverse_styles(self.captioner, description.image_3HW, description.captions)
            name = as_unicode(str(description.path))
            self.pictures.append(
                ExplainedPicture(name, description.image_3HW, description.explained, self.labels, styles)
            )

    def finish(self) -> None:
        if not self.pictures:
            raise ValueError(f"--explain {self.path}: there is no usable image to show")
        atomic_write_text(self.path, render(self.pictures))


def render(pictures: Sequence[ExplainedPicture]) -> str:
    """Return the page; whatever captions and names contain is shown as text."""
    return templates_of("captioning.explain").get_template("page.html.j2").render(pictures=pictures)
