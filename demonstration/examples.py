"""Pictures to begin with: drawn scenes for a model of drawn scenes, or files that the command line names.

Shape legend: B images, H rows, W columns.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from captioning.images import find_images
from datamodules.image_files.reading import BadImageError, read_image
from datamodules.shapes.drawing import draw
from datamodules.shapes.scene import scene_at
from lightning_modules import CaptioningModule

NUM_SHOWN = 8
NUM_COMPARED = 48
"""How many pictures sliders are named by; the first ones are shown."""

WORLD = 42  # of `conf/data/shapes.yaml`, whose first scenes are the test split
OF_SCENES = "shapes"  # what training records call the data set


class Example(NamedTuple):
    """A picture to choose.

    Attributes:
        name: What the page calls it.
        path: The file.
        image_3HW: As the model sees it, `uint8`.
    """

    name: str
    path: Path
    image_3HW: Tensor


def find_examples(captioner: CaptioningModule, paths: Sequence[Path], folder: Path) -> list[Example]:
    """Return the pictures that are named, or scenes, drawn into `folder`, for a model that was trained on such.

    Raises:
        ValueError: A path holds no image, or none of the images can be read.
    """
    if paths:
        return _examples_of(find_images(paths), captioner.image_size)
    if captioner.trained_on is None or OF_SCENES not in captioner.trained_on.sources:
        return []
    return [_drawn(index, captioner.image_size, folder) for index in range(NUM_COMPARED)]


def _examples_of(paths: Sequence[Path], image_size: int) -> list[Example]:
    """Return the first pictures that can be read."""
    examples, problem = [], ""
    for path in paths:
        try:
            examples.append(Example(path.stem, path, read_image(path, image_size)))
        except BadImageError as error:
            problem = problem or str(error)
        if len(examples) == NUM_COMPARED:
            break
    if not examples:
        raise ValueError(f"--examples: none of the {len(paths)} images can be read; the first: {problem}")
    return examples


def _drawn(index: int, image_size: int, folder: Path) -> Example:
    pixels = draw(scene_at(WORLD, index), image_size)
    path = folder / f"scene_{index + 1}.png"
    Image.fromarray(pixels.transpose(1, 2, 0)).save(path)
    return Example(f"Scene {index + 1}", path, torch.from_numpy(pixels.copy()))
