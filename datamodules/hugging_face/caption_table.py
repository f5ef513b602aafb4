"""Captions in one piece of memory instead of one object each: a million take some 100 MB.

Shape legend: R rows of a data set, T captions, N images.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from datamodules.annotations.normalisation import normalised

if TYPE_CHECKING:
    import pyarrow as pa

PLAIN = r"^[!-%'-~]+(?: [!-%'-~]+)*$"  # ASCII without "&", single spaces: as it is, and most captions are
AT_ONCE = 1024  # images whose captions become Python's text at once


class CaptionTable(Sequence[Sequence[str]]):
    """The captions of each image.

    Args:
        texts_T: An Arrow array of text, image by image.
        ends_N: Where the captions of each image end in it.
    """

    def __init__(self, texts_T: "pa.LargeStringArray", ends_N: NDArray[np.int64]) -> None:
        self._texts_T = texts_T
        self._ends_N = ends_N

    def __len__(self) -> int:
        return len(self._ends_N)

    @overload
    def __getitem__(self, index: int) -> list[str]: ...
    @overload
    def __getitem__(self, index: slice) -> list[list[str]]: ...
    def __getitem__(self, index: int | slice) -> list[str] | list[list[str]]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        start, end = self._start(number), int(self._ends_N[number])
        captions: list[str] = self._texts_T.slice(start, end - start).to_pylist()
        return captions

    def __iter__(self) -> Iterator[list[str]]:
        for first in range(0, len(self), AT_ONCE):
            start, ends = self._start(first), self._ends_N[first : first + AT_ONCE].tolist()
            captions = self._texts_T.slice(start, ends[-1] - start).to_pylist()
            for number, end in enumerate(ends):
                yield captions[(ends[number - 1] if number else start) - start : end - start]

    def _start(self, number: int) -> int:
        return int(self._ends_N[number - 1]) if number else 0


def read_captions(columns: Sequence[Any], where: str) -> tuple[NDArray[np.int64], "pa.LargeStringArray"]:
    """Return the captions in columns, each with its row; those of a row in the order of the columns.

    They are `normalised`. What is missing, or empty then, is no caption.

    Args:
        columns: Arrow columns of text, or of lists of text: [R] each.
        where: What errors call the data.

    Returns:
        The row of each caption, not decreasing, and the captions: [T] each.

    Raises:
        ValueError: A caption is not UTF-8.
    """
    import pyarrow as pa

    parts = [_flat(column, where) for column in columns]
    rows_T = np.concatenate([rows for rows, _ in parts])
    texts_T = pa.concat_arrays([texts for _, texts in parts])
    if len(parts) > 1:
        order = np.argsort(rows_T, kind="stable")
        rows_T, texts_T = rows_T[order], texts_T.take(pa.array(order))
    return rows_T, texts_T


def _flat(column: Any, where: str) -> tuple[NDArray[np.int64], "pa.LargeStringArray"]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if "list" in str(column.type):
        array = column.cast(pa.large_list(pa.large_string())).combine_chunks()
        rows, texts = pc.list_parent_indices(array).to_numpy(), pc.list_flatten(array)
    else:
        texts = column.cast(pa.large_string()).combine_chunks()
        rows = np.arange(len(texts))
    _refuse_other_encodings(texts, rows, where)
    odd = pc.invert(pc.match_substring_regex(texts, PLAIN))
    changed = [None if text is None else normalised(text) for text in texts.filter(odd).to_pylist()]
    texts = pc.replace_with_mask(texts, pc.fill_null(odd, False), pa.array(changed, pa.large_string()))
    there = pc.fill_null(pc.greater(pc.binary_length(texts), 0), False)
    return rows[there.to_numpy(zero_copy_only=False)].astype(np.int64), texts.filter(there)


def _refuse_other_encodings(texts: Any, rows: NDArray[np.int64], where: str) -> None:
    import pyarrow as pa

    try:
        texts.validate(full=True)
    except pa.ArrowInvalid as error:
        for row, text in zip(rows.tolist(), texts.cast(pa.large_binary()), strict=True):
            try:
                (text.as_py() or b"").decode()
            except UnicodeDecodeError as problem:
                raise ValueError(
                    f"{where}, row {row}: expected a caption in UTF-8, got {problem}; write the data again as UTF-8"
                ) from error
        raise
