"""A factor: in which of a few classes each of some images or captions falls, such as its number of objects.

Shape legend: N images or captions.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

UNKNOWN = -1
"""The label of what cannot be told, for probes one more class."""


class Factor(NamedTuple):
    """A way in which images or captions differ.

    Attributes:
        name: What scores call it.
        classes: What each label means.
        labels_N: Of each image or caption, an index into `classes`; `UNKNOWN` where it cannot be told.
        is_generative: Whether it varies by itself, so that disentanglement is measured against it; the presence of an
            object, say, follows from what the objects are.
    """

    name: str
    classes: tuple[str, ...]
    labels_N: Integers
    is_generative: bool = True

    @classmethod
    def of(cls, name: str, classes: Sequence[str], values: Iterable[str | None], *, is_generative: bool = True) -> Self:
        """Return the factor of values by name; None cannot be told.

        Raises:
            ValueError: A value is none of the classes.
        """
        number_of: dict[str | None, int] = {value: number for number, value in enumerate(classes)}
        number_of[None] = UNKNOWN
        values = list(values)
        unknown = [value for value in values if value not in number_of]
        if unknown:
            raise ValueError(f"{name}: expected one of {', '.join(classes)}, got {unknown[0]!r}")
        labels_N = np.array([number_of[value] for value in values], dtype=np.int64)
        return cls(name, tuple(classes), labels_N, is_generative)

    def select(self, rows: Integers) -> "Factor":
        """Return the factor of these rows, in that order; rows may repeat."""
        return self._replace(labels_N=self.labels_N[rows])

    @property
    def varies(self) -> bool:
        """Whether there are two classes among the labels at all."""
        return len(np.unique(self.labels_N)) > 1
