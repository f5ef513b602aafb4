"""One split of a data set of the library `datasets`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from datamodules.hugging_face.row_images import RowImages
from datamodules.image_files.keys import ImageKeys, spoken_key
from utils.cache_key import cache_key


@dataclass(kw_only=True)
class HuggingFaceSplit:
    """Images in rows, decoded when asked for; fulfils `CaptionSplit`.

    Attributes:
        sources: The parts of the data set that hold them.
        places_N2: The part and the row of each image.
        image_ids: Their numbers in the whole collection.
        image_names: What the data set calls them.
        captions: Their captions.
        file_keys_N2: What `image_files.keys.file_keys` returns of each.
        image_size: Height and width in pixels to read them at.
    """

    sources: Sequence[RowImages]
    places_N2: NDArray[np.int64]
    image_ids: Sequence[int]
    image_names: Sequence[str | int]
    captions: Sequence[Sequence[str]]
    file_keys_N2: NDArray[np.int64]
    image_size: int

    @property
    def image_fingerprint(self) -> str:
        return cache_key(size=self.image_size, names=self.image_names, contents=self.file_keys_N2[:, 0])

    @cached_property
    def image_keys(self) -> ImageKeys:
        spoken = [spoken_key(*image) for image in zip(self.image_names, self.captions, strict=True)]
        return np.column_stack([self.file_keys_N2, np.array(spoken, dtype=np.int64)])

    def load_image(self, index: int) -> Tensor:
        """Return image `index` of the split: `uint8`, [3, image_size, image_size], RGB.

        Raises:
            BadImageError: The image has become unusable.
        """
        source, row = self.places_N2[index].tolist()
        return self.sources[source].load(row, self.image_size)
