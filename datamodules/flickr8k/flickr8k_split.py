"""One split of Flickr8k: files on disk with their captions."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from datamodules.flickr8k.image_folder import name_of
from datamodules.images import read_image
from datamodules.transformed_view import Transform, apply_transform


@dataclass(kw_only=True)
class Flickr8kSplit:
    """The images of one split, read from disk when asked for; fulfils `CaptionSplit`.

    Attributes:
        paths: The image files.
        image_ids: Their numbers in the whole collection.
        captions: Their captions.
        image_size: Height and width in pixels to read them at.
        transform: Changes an image ([3, image_size, image_size], `uint8`) at random; None leaves it as it is.
    """

    paths: Sequence[Path]
    image_ids: Sequence[int]
    captions: Sequence[Sequence[str]]
    image_size: int
    transform: Transform | None = None

    @property
    def image_names(self) -> Sequence[str | int]:
        return [name_of(path) for path in self.paths]

    @property
    def image_fingerprint(self) -> str:
        states = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in self.paths]
        return hashlib.sha256(json.dumps([self.image_size, states]).encode()).hexdigest()

    def load_image(self, index: int) -> Tensor:
        """Return image `index` of the split: `uint8`, [3, image_size, image_size], RGB.

        Raises:
            BadImageError: The file has become unusable.
            ValueError: The transform changes the shape or type of the image.
        """
        image = read_image(self.paths[index], self.image_size)
        return image if self.transform is None else apply_transform(self.transform, image)
