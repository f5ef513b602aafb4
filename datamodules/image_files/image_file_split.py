"""One split of a collection of image files: files on disk with their captions.

Shape legend: N images.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from datamodules.image_files.image_folder import name_of
from datamodules.image_files.keys import ImageKeys, spoken_key
from datamodules.image_files.reading import read_image
from utils.cache_key import cache_key


@dataclass(kw_only=True)
class ImageFileSplit:
    """The images of one split, read from disk when asked for; fulfils `CaptionSplit`.

    Attributes:
        paths: The image files.
        names: What files of captions call them; None for the files' own names.
        image_ids: Their numbers in the whole collection.
        captions: Their captions.
        file_keys: What `image_files.keys.file_keys` returns of each: [N, 2].
        spoken_keys: What `image_files.keys.spoken_key` returns of each; None to have it computed.
        image_size: Height and width in pixels to read them at.
    """

    paths: Sequence[str | Path]
    image_ids: Sequence[int]
    captions: Sequence[Sequence[str]]
    file_keys: Sequence[tuple[int, int]] | NDArray[np.int64]
    image_size: int
    names: Sequence[str | int] | None = None
    spoken_keys: NDArray[np.int64] | None = None

    @property
    def image_names(self) -> Sequence[str | int]:
        return [name_of(Path(path)) for path in self.paths] if self.names is None else self.names

    @property
    def image_fingerprint(self) -> str:
        contents = self.image_keys[:, 0].tolist()
        return cache_key(size=self.image_size, names=self.image_names, contents=contents)

    @cached_property
    def image_keys(self) -> ImageKeys:
        """Keys of the file's bytes, of the pixels, and of the name with the captions: [N, 3]."""
        spoken = self.spoken_keys
        if spoken is None:
            images = zip(self.image_names, self.captions, strict=True)
            spoken = np.array([spoken_key(*image) for image in images], np.int64)
        return np.column_stack([np.array(self.file_keys, np.int64).reshape(-1, 2), spoken])

    def load_image(self, index: int) -> Tensor:
        """Return image `index` of the split: `uint8`, [3, image_size, image_size], RGB.

        Raises:
            BadImageError: The file has become unusable.
        """
        return read_image(self.paths[index], self.image_size)
