"""Random train, val and test splits."""

import math
import random
from collections.abc import Iterable, Sequence
from typing import TypeVar

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
