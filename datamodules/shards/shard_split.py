"""One split of images in shards."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from datamodules.image_files.keys import ImageKeys
from datamodules.image_files.reading import decode_image
from datamodules.lazy_sequences import ImageNames, Numbers
from datamodules.shards.shard_files import ShardFiles
from datamodules.shards.split_index import SplitIndex
from utils.cache_key import cache_key


@dataclass(kw_only=True)
class ShardSplit:
    """The images of shards, or a sample of them, read when asked for; fulfils `CaptionSplit`.

    Attributes:
        index: Of all of the shards' samples.
        files: The shards.
        ids: The number of each image in the whole collection: of all of the shards' samples, [N].
        image_size: Height and width in pixels to read images at.
        rows: Which samples are in the split, in ascending order; None for all.
    """

    index: SplitIndex
    files: ShardFiles
    ids: NDArray[np.int64]
    image_size: int
    rows: NDArray[np.int64] | None = None

    @cached_property
    def image_ids(self) -> Sequence[int]:
        return Numbers(self.ids if self.rows is None else self.ids[self.rows])

    @cached_property
    def captions(self) -> Sequence[Sequence[str]]:
        captions = self.index.captions
        return captions if self.rows is None else [captions[row] for row in self.rows.tolist()]

    @cached_property
    def image_names(self) -> Sequence[str | int]:
        names = ImageNames(self.index.names, self.ids)
        return names if self.rows is None else [names[row] for row in self.rows.tolist()]

    @property
    def image_fingerprint(self) -> str:
        contents = self.index.checksum("size", "crc")
        return cache_key(size=self.image_size, contents=contents, ids=self.ids, rows=self.rows)

    @cached_property
    def image_keys(self) -> ImageKeys:
        keys_NK: ImageKeys = self.index["keys"] if self.rows is None else self.index["keys"][self.rows]
        return keys_NK

    def fetch_ahead(self, indices: NDArray[np.int64]) -> None:
        """Begin to fetch the shards of images that will be read soon, where they are no files of this machine."""
        rows = indices if self.rows is None else self.rows[indices]
        shards = np.searchsorted(self.index.ends_S, rows, side="right")
        self.files.fetch_ahead(dict.fromkeys(shards.tolist()))

    def image_file(self, index: int) -> bytes:
        """Return the file of image `index` of the split.

        Raises:
            BadImageError: The shard is gone, or no longer holds it.
        """
        row = index if self.rows is None else int(self.rows[index])
        offset, size, crc = (int(self.index[name][row]) for name in ("offset", "size", "crc"))
        return self.files.read(self.index.shard_of(row), offset, size, crc, str(self.image_names[index]))

    def load_image(self, index: int) -> Tensor:
        """Return image `index` of the split: `uint8`, [3, image_size, image_size], RGB.

        Raises:
            BadImageError: The shard is gone, or the image in it cannot be used.
        """
        row = index if self.rows is None else int(self.rows[index])
        where = f"{self.index.shards[self.index.shard_of(row)]}: {self.image_names[index]}"
        return decode_image(self.image_file(index), self.image_size, name=where)
