"""Rows of a data set brought together into images with their captions.

Shape legend: R rows, T captions, N images.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datamodules.hugging_face.caption_table import caption_table
from datamodules.lazy_sequences import CaptionTable

if TYPE_CHECKING:
    import pyarrow as pa

Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows of one part of a data set, or of several.

    Attributes:
        places_R2: The part that a row is in, and its number there.
        ids_R: The row's image as its id column calls it: an Arrow array of text or whole numbers; None without one.
        keys_R2: What the row's image is known by (see `image_files.keys.file_keys`); zeros where it cannot be decoded.
        caption_rows_T: Where in these rows each caption is, not decreasing.
        captions_T: An Arrow array of text.
    """

    places_R2: Integers
    ids_R: Any
    keys_R2: Integers
    caption_rows_T: Integers
    captions_T: "pa.LargeStringArray"

    def __len__(self) -> int:
        return len(self.places_R2)

    def take(self, rows: Integers) -> "Rows":
        """Return some of the rows, in this order: `rows` increases."""
        import pyarrow as pa

        if len(rows) == len(self):  # a copy of all captions less
            return self
        new_number = np.full(len(self), -1)
        new_number[rows] = np.arange(len(rows))
        caption_rows = new_number[self.caption_rows_T]
        kept = caption_rows >= 0
        return Rows(
            places_R2=self.places_R2[rows],
            ids_R=None if self.ids_R is None else self.ids_R.take(pa.array(rows)),
            keys_R2=self.keys_R2[rows],
            caption_rows_T=caption_rows[kept],
            captions_T=self.captions_T.filter(pa.array(kept)),
        )


def joined(parts: Sequence[Rows]) -> Rows:
    """Return the rows of all parts, one after another."""
    import pyarrow as pa

    starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
    return Rows(
        places_R2=np.concatenate([part.places_R2 for part in parts]),
        ids_R=None if parts[0].ids_R is None else pa.concat_arrays([part.ids_R for part in parts]),
        keys_R2=np.concatenate([part.keys_R2 for part in parts]),
        caption_rows_T=np.concatenate([part.caption_rows_T + start for part, start in zip(parts, starts, strict=True)]),
        captions_T=pa.concat_arrays([part.captions_T for part in parts]),
    )


def image_of_rows(rows: Rows) -> Integers:
    """Return the image of each row, numbered in the order in which they first appear: [R].

    Rows are of one image if the id column calls it the same; without such a column, if their pixels are the same.
    """
    labels = _pixel_labels(rows.keys_R2) if rows.ids_R is None else _labels(rows.ids_R)
    _, first, numbers = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[numbers]


def twins(image_R: Integers, keys_R2: Integers) -> Integers:
    """Return for each image the first one with the same pixels, itself where there is no other: [N]."""
    _, first_row = np.unique(image_R, return_index=True)
    labels = _pixel_labels(keys_R2[first_row])
    _, first, numbers = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(first[numbers])


def captions_of_images(rows: Rows, image_R: Integers, num_images: int) -> CaptionTable:
    """Return the captions of each image, in the order of its rows."""
    import pyarrow as pa

    image_T = image_R[rows.caption_rows_T]
    ends_N = np.cumsum(np.bincount(image_T, minlength=num_images))
    in_order = bool((image_T[1:] >= image_T[:-1]).all())
    texts = rows.captions_T
    return caption_table(texts if in_order else texts.take(pa.array(np.argsort(image_T, kind="stable"))), ends_N)


def _labels(ids_R: Any) -> Integers:
    """Return a number that rows with the same id share."""
    return np.asarray(ids_R.dictionary_encode().indices.fill_null(-1).to_numpy())


def _pixel_labels(keys_R2: Integers) -> Integers:
    """Return a number that rows with the same pixels share; a row whose image is not known has one of its own."""
    is_known = keys_R2.any(axis=1)
    _, labels = np.unique(keys_R2[:, 1], return_inverse=True)
    return np.where(is_known, labels, len(labels) + np.arange(len(labels)))
