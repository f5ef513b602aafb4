"""One split of Flickr8k: files on disk with their captions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from torch import Tensor

from datamodules.image_files.image_folder import name_of
from datamodules.image_files.keys import ImageKeys, spoken_key
from datamodules.image_files.reading import read_image
from datamodules.transformed_view import Transform, apply_transform
from utils.cache_key import cache_key


@dataclass(kw_only=True)
class Flickr8kSplit:
    """The images of one split, read from disk when asked for; fulfils `CaptionSplit`.

    Attributes:
        paths: The image files.
        image_ids: Their numbers in the whole collection.
        captions: Their captions.
        file_keys: What `image_files.keys.file_keys` returns of each.
        image_size: Height and width in pixels to read them at.
        transform: Changes an image ([3, image_size, image_size], `uint8`) at random; None leaves it as it is.
    """

    paths: Sequence[Path]
    image_ids: Sequence[int]
    captions: Sequence[Sequence[str]]
    file_keys: Sequence[tuple[int, int]]
    image_size: int
    transform: Transform | None = None

    @property
    def image_names(self) -> Sequence[str | int]:
        return [name_of(path) for path in self.paths]

    @property
    def image_fingerprint(self) -> str:
        contents = [of_bytes for of_bytes, _ in self.file_keys]
        return cache_key(size=self.image_size, names=self.image_names, contents=contents)

    @cached_property
    def image_keys(self) -> ImageKeys:
        images = zip(self.image_names, self.captions, self.file_keys, strict=True)
        return np.array([[*keys, spoken_key(name, captions)] for name, captions, keys in images], dtype=np.int64)

    def load_image(self, index: int) -> Tensor:
        """Return image `index` of the split: `uint8`, [3, image_size, image_size], RGB.

        Raises:
            BadImageError: The file has become unusable.
            ValueError: The transform changes the shape or type of the image.
        """
        image = read_image(self.paths[index], self.image_size)
        return image if self.transform is None else apply_transform(self.transform, image)
