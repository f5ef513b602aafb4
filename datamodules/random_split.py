"""Random train, val and test splits.

Shape legend: N images.
"""

import math
import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from utils.seeding import derive_seed

ImageKey = TypeVar("ImageKey", int, str)


def split_by_proportion(
    images: Iterable[ImageKey], proportions: Sequence[float], seed: int
) -> tuple[list[ImageKey], list[ImageKey], list[ImageKey]]:
    """Deal images out at random to train, val and test.

    Args:
        images: The numbers or names of the images, each once; their order does not matter.
        proportions: The shares of train, val and test. The borders between the splits are rounded to whole images,
            so that the sizes add up.
        seed: Decides who goes where.

    Raises:
        ValueError: The proportions are not three non-negative numbers that sum to 1.
    """
    check_proportions(proportions)
    shuffled = sorted(images)
    random.Random(seed).shuffle(shuffled)
    first = round(len(shuffled) * proportions[0])
    second = round(len(shuffled) * (proportions[0] + proportions[1]))
    return shuffled[:first], shuffled[first:second], shuffled[second:]


class Draw(NamedTuple):
    """The images of one split where each image is assigned by its own key, without a look at the others.

    An image is in the same split on every process, whatever other images there are, and so are copies with its key. The
    sizes of splits are those of the proportions only on average.

    Attributes:
        first: The split has the keys that the seed maps to numbers from this one, in [0, 1],
        last: to below this one.
        seed: Decides which keys these are.
    """

    first: float
    last: float
    seed: int

    def holds(self, keys_N: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which images are in the split: [N].

        Args:
            keys_N: A key of each image, 64 bits.
        """
        # the finalizer of SplitMix64 (Steele, Lea & Flood 2014): keys that are numbers in a row end far apart
        bits = keys_N.astype(np.uint64) ^ np.uint64(derive_seed(self.seed, "split"))
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        uniform_N = ((bits ^ (bits >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53
        return (self.first <= uniform_N) & (uniform_N < self.last)


def draws_by_proportion(proportions: Sequence[float], seed: int) -> tuple[Draw, Draw, Draw]:
    """Return the train, val and test split of images that are assigned by their keys.

    Args:
        proportions: The shares of train, val and test, as `proportions_of` returns them.
        seed: Decides who goes where.
    """
    train, val, _ = proportions
    return Draw(0, train, seed), Draw(train, train + val, seed), Draw(train + val, 1, seed)


def proportions_of(split: str | Sequence[float], *, or_else: str = "") -> Sequence[float] | None:
    """Return the proportions that `data.split` is; None for `official`.

    Args:
        split: The setting.
        or_else: What else it may be, for errors.

    Raises:
        ValueError: It is another word, or other numbers.
    """
    if not isinstance(split, str):
        check_proportions(split)
        return split
    if split != "official":
        raise ValueError(
            f"data.split must be 'official' or proportions such as [0.8, 0.1, 0.1]{or_else}, got {split!r}"
        )
    return None


def check_proportions(proportions: Sequence[float]) -> None:
    """Refuse what is not a share each for train, val and test.

    Raises:
        ValueError: The proportions are not three non-negative numbers that sum to 1.
    """
    numbers = [share for share in proportions if isinstance(share, int | float) and share >= 0]
    if not (len(numbers) == len(proportions) == 3 and math.isclose(sum(numbers), 1, abs_tol=1e-6)):
        raise ValueError(
            f"data.split must be three non-negative proportions (train, val, test) that sum to 1, "
            f"got {proportions!r}; for example [0.8, 0.1, 0.1]"
        )
