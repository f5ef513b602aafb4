"""Whether pictures that a model makes show what they should: facts of an image, against those read from a picture.

A data set that knows what its images show reads them back from pixels (`CaptionDataModule.read_back`); what is read,
and how, is its own business. Here it is counted.

Shape legend: B pictures, K classes of an attribute.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metrics.factor import Integers
from metrics.mean_over_images import MeanOverImages

ABSENT = "none"
"""The value of an attribute of what an image has and a picture of it has not, or the reverse."""


class FactAttribute(NamedTuple):
    """What facts are about, such as the colours of objects.

    Attributes:
        name: What reports call it.
        classes: The values that it may have, in the order to show.
        icons: A small picture of each, RGBA, [rows, columns, 4]; or none at all.
    """

    name: str
    classes: tuple[str, ...]
    icons: Sequence[NDArray[np.uint8]] = ()


class FactComparison(NamedTuple):
    """How the facts of a picture agree with those of the image that it should show.

    Attributes:
        num_shared: Facts that both have.
        num_of_image: Facts of the image.
        num_of_picture: Facts of the picture.
        values: For each attribute by name, the value in the image and the one in the picture, for each thing that has
            it; `ABSENT` where one of the two lacks the thing.
    """

    num_shared: int
    num_of_image: int
    num_of_picture: int
    values: Mapping[str, Sequence[tuple[str, str]]]

    @property
    def recall(self) -> float:
        """Share of the image's facts that the picture has; 1 if the image has none."""
        return self.num_shared / self.num_of_image if self.num_of_image else 1.0

    @property
    def precision(self) -> float:
        """Share of the picture's facts that the image has; 1 if the picture has none."""
        return self.num_shared / self.num_of_picture if self.num_of_picture else 1.0

    @property
    def is_exact(self) -> bool:
        """Whether both have the same facts."""
        return self.num_shared == self.num_of_image == self.num_of_picture


class ReadImage(ABC):
    """What a data set has read from the pixels of a picture."""

    @abstractmethod
    def is_true(self, caption: str) -> bool:
        """Return whether all that a caption claims holds in the picture."""

    @abstractmethod
    def compare(self, image_id: int) -> FactComparison:
        """Compare what was read with the facts of an image of the data set, by its number."""


class DrawingFacts(MeanOverImages):
    """Whether pictures show what they should, averaged over pictures; exact on any number of processes.

    - `drawing_truth`: share of the captions whose every claim holds in the picture that was drawn from them; left out
      where no captions are given.
    - `drawing_facts`: share of an image's facts that the picture has (recall), mean over pictures.
    - `drawing_facts_precision`: share of a picture's facts that the image has, mean over pictures.
    - `drawing_exact`: share of the pictures that have all facts of their images and no others.
    """

    names = ("drawing_truth", "drawing_facts", "drawing_facts_precision", "drawing_exact")

    def update(
        self,
        pictures: Sequence[ReadImage],
        image_ids_B: Tensor,
        captions: Sequence[str] | None = None,
        places_B: Tensor | None = None,
    ) -> None:
        """Add pictures.

        Args:
            pictures: What was read from each.
            image_ids_B: The number of the image that each should show.
            captions: The caption that each was drawn from; None where there are none.
            places_B: Which of its image's pictures each is, from 0; None where each image has one.

        Raises:
            ValueError: There are not as many ids, or captions, as pictures.
        """
        if len(image_ids_B) != len(pictures) or (captions is not None and len(captions) != len(pictures)):
            raise ValueError(
                f"expected an id and a caption (or no captions) for each of {len(pictures)} pictures, got "
                f"{len(image_ids_B)} ids and {0 if captions is None else len(captions)} captions"
            )
        rows = []
        for row, (picture, image_id) in enumerate(zip(pictures, image_ids_B.tolist(), strict=True)):
            found = picture.compare(image_id)
            truth = float("nan") if captions is None else float(picture.is_true(captions[row]))
            rows.append([truth, found.recall, found.precision, float(found.is_exact)])
        self.add(image_ids_B, torch.tensor(rows, dtype=torch.float64).view(-1, len(self.names)), places_B)

    def compute(self) -> dict[str, Tensor]:
        """Return the means by name, over the distinct pictures.

        Raises:
            ValueError: No picture was added.
        """
        return {name: value for name, value in super().compute().items() if not value.isnan()}


class ReconstructionFacts(DrawingFacts):
    """The same of reconstructed images: of a caption that a model generated, or of an image's own codes."""

    names = (
        "reconstruction_truth",
        "reconstruction_facts",
        "reconstruction_facts_precision",
        "reconstruction_exact",
    )


def confusion_matrix(comparisons: Iterable[FactComparison], attribute: FactAttribute) -> Integers:
    """Return how often each value of an attribute (row) was read as each (column): [K + 1, K + 1], `ABSENT` last.

    Raises:
        ValueError: A value is none of the attribute's classes.
    """
    number_of = {name: number for number, name in enumerate((*attribute.classes, ABSENT))}
    counts = np.zeros((len(number_of), len(number_of)), dtype=np.int64)
    for comparison in comparisons:
        for pair in comparison.values.get(attribute.name, ()):
            unknown = [value for value in pair if value not in number_of]
            if unknown:
                raise ValueError(f"{attribute.name}: expected one of {', '.join(number_of)}, got {unknown[0]!r}")
            counts[number_of[pair[0]], number_of[pair[1]]] += 1
    return counts


def marginal_distance(comparisons: Iterable[FactComparison], attribute: FactAttribute) -> float:
    """Return how differently often images and pictures of them have each value of an attribute, 0 to 1.

    Total variation between both distributions, whatever image a picture is of: 0 if all values are as frequent, 1 if no
    value is in both, or if pictures have none at all. It finds a model that draws what is frequent alone.

    Raises:
        ValueError: A value is none of the attribute's classes.
    """
    counts = confusion_matrix(comparisons, attribute)
    of_images_K, of_pictures_K = counts.sum(axis=1)[:-1], counts.sum(axis=0)[:-1]
    if not of_images_K.sum() or not of_pictures_K.sum():
        return float(of_images_K.sum() != of_pictures_K.sum())
    return float(np.abs(of_images_K / of_images_K.sum() - of_pictures_K / of_pictures_K.sum()).sum() / 2)
