"""One split of a collection of image files: files on disk with their captions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from torch import Tensor

from datamodules.image_files.image_folder import name_of
from datamodules.image_files.keys import ImageKeys, spoken_key
from datamodules.image_files.reading import read_image
from utils.cache_key import cache_key

NUM_KEYS = 3  # of an image: of the file's bytes, of its pixels, of its name with its captions


@dataclass(kw_only=True)
class ImageFileSplit:
    """The images of one split, read from disk when asked for; fulfils `CaptionSplit`.

    Attributes:
        paths: The image files.
        names: What files of captions call them; None for the files' own names.
        image_ids: Their numbers in the whole collection.
        captions: Their captions.
        file_keys: What `image_files.keys.file_keys` returns of each.
        image_size: Height and width in pixels to read them at.
    """

    paths: Sequence[str | Path]
    image_ids: Sequence[int]
    captions: Sequence[Sequence[str]]
    file_keys: Sequence[tuple[int, int]]
    image_size: int
    names: Sequence[str | int] | None = None

    @property
    def image_names(self) -> Sequence[str | int]:
        return [name_of(Path(path)) for path in self.paths] if self.names is None else self.names

    @property
    def image_fingerprint(self) -> str:
        contents = [of_bytes for of_bytes, _ in self.file_keys]
        return cache_key(size=self.image_size, names=self.image_names, contents=contents)

    @cached_property
    def image_keys(self) -> ImageKeys:
        images = zip(self.image_names, self.captions, self.file_keys, strict=True)
        keys = [[*keys, spoken_key(name, captions)] for name, captions, keys in images]
        return np.array(keys, dtype=np.int64).reshape(-1, NUM_KEYS)

    def load_image(self, index: int) -> Tensor:
        """Return image `index` of the split: `uint8`, [3, image_size, image_size], RGB.

        Raises:
            BadImageError: The file has become unusable.
        """
        return read_image(self.paths[index], self.image_size)
