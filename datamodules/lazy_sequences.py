"""Captions, names and numbers of very many images: in arrays that may be mapped from a file, decoded one by one.

Shape legend: N images, C captions, T texts.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from utils.cache_key import Checksummed, cache_key

Item = TypeVar("Item", covariant=True)


class LazySequence(Sequence[Item]):
    """A sequence whose items are made when they are asked for."""

    @abstractmethod
    def item(self, index: int) -> Item:
        """Return item `index`, which is from 0 to below the length."""

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...

    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        if isinstance(index, slice):
            return [self.item(number) for number in range(*index.indices(len(self)))]
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(f"expected an index below {len(self)}, got {index}")
        return self.item(number)


class Numbers(LazySequence[int]):
    """Whole numbers of an array, as Python has them.

    Args:
        numbers_N: The array.
    """

    def __init__(self, numbers_N: NDArray[np.int64]) -> None:
        self.numbers_N = numbers_N

    def __len__(self) -> int:
        return len(self.numbers_N)

    def item(self, index: int) -> int:
        return int(self.numbers_N[index])


class Texts(LazySequence[str], Checksummed):
    """Texts of any length that lie one after the other.

    Args:
        content: All of them in UTF-8, in which names may have lone surrogates: `uint8`.
        ends_T: Where each ends, in bytes from the start.
        checksum: A checksum of both.
    """

    def __init__(self, content: NDArray[np.uint8], ends_T: NDArray[np.int64], checksum: str) -> None:
        self.content = content
        self.ends_T = ends_T
        self._checksum = checksum

    @property
    def checksum(self) -> str:
        return self._checksum

    def __len__(self) -> int:
        return len(self.ends_T)

    def item(self, index: int) -> str:
        return self.content[_start(self.ends_T, index) : self.ends_T[index]].tobytes().decode("utf-8", "surrogatepass")


class ImageNames(LazySequence[str | int], Checksummed):
    """The name of each image, or its number where it has none.

    Args:
        names: Texts, which may be empty.
        ids_N: Their numbers; only those of images without a name matter.
    """

    def __init__(self, names: Texts, ids_N: NDArray[np.int64]) -> None:
        self.names = names
        self.ids_N = ids_N

    @property
    def checksum(self) -> str:
        return cache_key(names=self.names, ids=self.ids_N)

    def __len__(self) -> int:
        return len(self.names)

    def item(self, index: int) -> str | int:
        return self.names[index] or int(self.ids_N[index])


class CaptionTable(LazySequence[Sequence[str]], Checksummed):
    """The captions of each image.

    Args:
        texts: All captions, image after image.
        ends_N: How many captions there are up to and with each image.
        checksum: A checksum of both.
    """

    def __init__(self, texts: Texts, ends_N: NDArray[np.int64], checksum: str) -> None:
        self.texts = texts
        self.ends_N = ends_N
        self._checksum = checksum

    @property
    def checksum(self) -> str:
        return self._checksum

    def __len__(self) -> int:
        return len(self.ends_N)

    def item(self, index: int) -> list[str]:
        return self.texts[_start(self.ends_N, index) : int(self.ends_N[index])]


def flat_captions(captions: Sequence[Sequence[str]]) -> Sequence[str]:
    """Return the captions of all images as one sequence, without taking those of a table into memory."""
    if isinstance(captions, CaptionTable):
        return captions.texts
    return [caption for of_image in captions for caption in of_image]


def _start(ends: NDArray[np.int64], index: int) -> int:
    return int(ends[index - 1]) if index else 0
