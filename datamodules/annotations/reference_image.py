"""An image and what people said of it, as any file of references gives it."""

from typing import NamedTuple


class ReferenceImage(NamedTuple):
    """An image and what people said of it.

    Attributes:
        names: What results may call it: its number, its file name, or both in this order.
        captions: What people said; may be none.
        split: The part of the data set that it belongs to; None where the file knows of no parts.
        rejected: Captions that the annotators rejected, or that say a ready-made sentence; left out of `captions`.
    """

    names: tuple[str, ...]
    captions: list[str]
    split: str | None = None
    rejected: tuple[str, ...] = ()
