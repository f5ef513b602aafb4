"""Reads captions from columns of Arrow, and makes of them the table that all splits with very many have.

Shape legend: R rows of a data set, T captions, N images.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datamodules.annotations.normalisation import normalised
from datamodules.lazy_sequences import CaptionTable, Texts
from utils.cache_key import cache_key

if TYPE_CHECKING:
    import pyarrow as pa

PLAIN = r"^[!-%'-~]+(?: [!-%'-~]+)*$"  # ASCII without "&", single spaces: as it is, and most captions are


def caption_table(texts_T: "pa.LargeStringArray", ends_N: NDArray[np.int64]) -> CaptionTable:
    """Return the captions of each image, in the memory that Arrow has them in.

    Args:
        texts_T: Those of all images, one after the other; none is null.
        ends_N: How many there are up to and with each image.
    """
    _, offsets, letters = texts_T.buffers()
    starts = np.frombuffer(offsets or b"", np.int64)[texts_T.offset : texts_T.offset + len(texts_T) + 1]
    first, last = (int(starts[0]), int(starts[-1])) if len(starts) else (0, 0)
    content = np.frombuffer(letters or b"", np.uint8)[first:last]
    ends_T = starts[1:] - first
    checksum = cache_key(content=content, ends=ends_T)
    texts = Texts(content, ends_T, checksum)
    return CaptionTable(texts, ends_N, cache_key(texts=checksum, ends=ends_N))


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
    there = pc.fill_null(pc.greater(pc.binary_length(texts), 0), False).to_numpy(zero_copy_only=False)
    return rows[there].astype(np.int64), texts if there.all() else texts.filter(pa.array(there))


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
