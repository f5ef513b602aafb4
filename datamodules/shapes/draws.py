"""Random choices that are a function of their key alone."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """A short stream of random choices: the same for a key in every process, on every machine and library version.

    The key's 512-bit hash is read as one large number in mixed radix. It is several times cheaper than seeding
    a generator for a handful of choices, and no library's change of stream can alter the data set.

    Args:
        key: What the choices depend on, such as a purpose, a seed and an index.
    """

    def __init__(self, *key: int | str) -> None:
        self._number = int.from_bytes(hashlib.blake2b(repr(key).encode()).digest(), "big")
        self._range = 1 << 512

    def below(self, bound: int) -> int:
        """Return a whole number in [0, bound)."""
        self._number, drawn = divmod(self._number, bound)
        self._range //= bound
        assert self._range >> 64, "the key's hash is used up; take another key for further choices"
        return drawn

    def uniform(self) -> float:
        """Return a multiple of 2⁻¹⁶ in [-1, 1)."""
        return self.below(1 << 17) / (1 << 16) - 1

    def choice(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.below(len(options))]

    def sample(self, options: Sequence[T], count: int) -> list[T]:
        """Return `count` different options in random order."""
        pool = list(options)
        return [pool.pop(self.below(len(pool))) for _ in range(count)]
