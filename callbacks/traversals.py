"""Shows captions as single dimensions of the style are changed.

Shape legend: S style, N captions.
"""

from collections.abc import Iterator, Sequence

import torch
from pytorch_lightning import Trainer
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from callbacks.descriptions import add_picture, add_table
from callbacks.first_images import CaptionedImage, FirstImages
from callbacks.shown_images import is_shown
from datamodules.batch import CaptionBatch
from lightning_modules import CaptioningModule, EvaluationOutput
from lightning_modules.exploration import busiest_dimensions, traverse
from metrics import MeanOverCaptions
from pictures.captioned_image import CaptionRow, Section, draw_captioned_image, human_captions
from pictures.changed_words import MarkedWord, marked_words
from pictures.markdown import table, with_changed_bold
from utils.require import require
from utils.seeding import Generators

ABOUT = (
    "Captions as one dimension of the style is changed, in standard deviations of the prior, all others left at the "
    "image's mean: the dimensions with the highest KL. Words that the caption at 0 lacks are bold."
)


class Traversals(FirstImages):
    """Writes captions of each image along the dimensions of the style with the highest KL, as a picture and as text.

    All other dimensions stay at the image's mean. Words that the caption at 0 lacks are bold.

    Args:
        values: What a dimension is set to, in standard deviations of the image's prior, from its mean; 0 is one.
        num_images: How many images, those of the lowest ids.
        num_dimensions: How many dimensions, chosen anew at each validation.

    Raises:
        ValueError: A number is below 1, or the values lack 0 or another.
    """

    name = "traversals"

    def __init__(self, values: Sequence[float], num_images: int = 1, num_dimensions: int = 3) -> None:
        super().__init__(num_images)
        require(num_dimensions >= 1, "callbacks.traversals.num_dimensions", "at least 1", num_dimensions)
        if 0 not in values or len(values) < 2:
            raise ValueError(
                f"callbacks.traversals.values: expected 0, which others are compared with, and others, got {[*values]}"
            )
        self.num_dimensions = num_dimensions
        self.values = [float(value) for value in values]
        self.kl = MeanOverCaptions(["style"])
        self.kl_of_dimension: dict[int, float] = {}

    def observe(
        self, trainer: Trainer, captioner: CaptioningModule, output: EvaluationOutput, batch: CaptionBatch
    ) -> None:
        super().observe(trainer, captioner, output, batch)
        if is_shown(trainer, captioner) and output.latents is not None:
            kl_NS = output.latents.style.kl_of_dimensions
            self.kl.to(captioner.device).update({"style": kl_NS}, batch.image_ids_B, batch.image_of_caption_N)

    def prepare(self) -> None:
        mean = self.kl.compute()
        assert mean is not None, "some process has a caption"
        kl_S = torch.atleast_1d(mean["style"])
        self.kl_of_dimension = {number: kl_S[number].item() for number in busiest_dimensions(kl_S, self.num_dimensions)}

    def generate(self, captioner: CaptioningModule, features_BPD: Tensor, generators: Generators) -> list[list[str]]:
        of_dimensions = traverse(
            captioner,
            features_BPD,
            dimensions=[*self.kl_of_dimension],
            values=self.values,
            max_length=captioner.strategy.max_length,
        )
        of_images = zip(*(generated.captions for generated in of_dimensions), strict=True)
        return [[caption for captions in image for caption in captions] for image in of_images]

    def show(self, writer: SummaryWriter, step: int, images: Sequence[CaptionedImage], stage: str) -> None:
        rows = traversals_as_table(images, self.kl_of_dimension, self.values)
        add_table(writer, f"{stage}/traversals", rows, step, ABOUT)
        for image in images:
            picture_3HW = draw_traversals(image, self.kl_of_dimension, self.values)
            add_picture(writer, f"{stage}/traversals/{image.image_id}", picture_3HW, step, ABOUT)

    def forget(self) -> None:
        super().forget()
        self.kl.reset()


def draw_traversals(image: CaptionedImage, kl_of_dimension: dict[int, float], values: Sequence[float]) -> Tensor:
    """Draw an image with its captions along each dimension: `uint8`, [3, H, W].

    Args:
        image: Its captions are one a value, dimension by dimension.
        kl_of_dimension: The dimensions, each with its KL in nats.
        values: In standard deviations.
    """
    sections = [
        Section(
            f"style dimension {dimension}, KL {kl_of_dimension[dimension]:.2f} nats",
            [CaptionRow(_label(value), words) for value, words in zip(values, of_values, strict=True)],
        )
        for dimension, of_values in zip(kl_of_dimension, _marked(image.captions, values), strict=True)
    ]
    return draw_captioned_image(image.image_3HW, human_captions(image.image_id, image.references), sections)


def traversals_as_table(
    images: Sequence[CaptionedImage], kl_of_dimension: dict[int, float], values: Sequence[float]
) -> str:
    """Return one row a dimension of each image, one column a value; arguments as of `draw_traversals`."""
    heading = ("image", "dimension", "KL in nats", *map(_label, values))
    rows = [
        (str(image.image_id), str(dimension), f"{kl:.2f}", *map(with_changed_bold, of_values))
        for image in images
        for (dimension, kl), of_values in zip(kl_of_dimension.items(), _marked(image.captions, values), strict=True)
    ]
    return table(heading, rows)


def _marked(captions: Sequence[str], values: Sequence[float]) -> Iterator[list[list[MarkedWord]]]:
    """Yield for each dimension its captions; the words are marked that the caption at 0 lacks."""
    each, at_0 = len(values), [*values].index(0)
    for start in range(0, len(captions), each):
        of_dimension = captions[start : start + each]
        yield [marked_words(caption, of_dimension[at_0]) for caption in of_dimension]


def _label(value: float) -> str:
    return f"{value:+g} σ".replace("-", "−") if value else "0"
