"""An image and its references, as any file of references gives them."""

from typing import NamedTuple


class ReferenceImage(NamedTuple):
    """An image and its references.

    Attributes:
        names: What results may call it: its number, its file name, or both in this order.
        captions: The references; may be none.
        split: The part of the data set that it belongs to; None where the file knows of no parts.
        rejected: Captions that the annotators rejected, or that are a ready-made sentence; left out of `captions`.
    """

    names: tuple[str, ...]
    captions: list[str]
    split: str | None = None
    rejected: tuple[str, ...] = ()
