"""What a collection of captioned images must offer."""

from collections.abc import Sequence
from typing import Literal, Protocol

from torch import Tensor

from datamodules.image_files.keys import ImageKeys

SplitName = Literal["train", "val", "test"]


class CaptionSplit(Protocol):
    """One split (train, val or test) of a collection of captioned images."""

    @property
    def image_ids(self) -> Sequence[int]:
        """A number for each image, unique in the whole collection."""
        ...

    @property
    def captions(self) -> Sequence[Sequence[str]]:
        """The reference captions of each image, as text; at least one each."""
        ...

    @property
    def image_names(self) -> Sequence[str | int]:
        """What files of captions call each image: its file's name, or its number where it has none."""
        ...

    @property
    def image_fingerprint(self) -> str:
        """A checksum that changes when the images do: their number, order, or pixels."""
        ...

    @property
    def image_keys(self) -> ImageKeys:
        """What each image is known by in other splits and other copies of the data (see `image_keys`): [N, K]."""
        ...

    def load_image(self, index: int) -> Tensor:
        """Return the pixels of image `index` (0-based within the split): `uint8`, [3, size, size], RGB."""
        ...
