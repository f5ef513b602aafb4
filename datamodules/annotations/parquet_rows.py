"""Images with their captions as rows of Parquet, which the library `pyarrow` reads."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datamodules.annotations.caption_row import CaptionRow
from datamodules.annotations.columns import HOW_TO_NAME, Columns
from datamodules.annotations.fields import listed
from datamodules.annotations.json_rows import table_row
from datamodules.annotations.problems import LeftOut
from utils.files import file_checksum
from utils.suggestions import did_you_mean
from utils.text_files import SourceFile

MAGIC = b"PAR1"


def is_readable_parquet(path: Path) -> bool:
    """Return whether a file begins as Parquet does, and `pyarrow` is there to read it."""
    if not path.is_file() or importlib.util.find_spec("pyarrow") is None:
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def parquet_rows(path: Path, columns: Columns, left_out: LeftOut) -> tuple[SourceFile, Iterator[CaptionRow]]:
    """Return the rows of a Parquet file; no more than a few thousand are in memory.

    Raises:
        ValueError: It is damaged, lacks a column, or holds the images themselves.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path}: expected a whole Parquet file, got '{error}'; write it again") from error
    schema = file.schema_arrow
    named = [name for name in (columns.image, *columns.captions, columns.split) if name is not None]
    images, captions = columns.images_of(schema.names), columns.captions_of(schema.names)
    missing = next((name for name in named if name not in schema.names), None)
    if missing is None and not images:
        missing = "image"
    if missing is None and not captions:
        missing = "caption"
    if missing is not None:
        raise ValueError(
            f"{path}: expected a column {missing!r}, got only {listed(schema.names)}"
            f"{did_you_mean(missing, schema.names)}; {HOW_TO_NAME}"
        )
    held = [name for name in images if pyarrow.types.is_nested(schema.field(name).type)]
    if held:
        raise ValueError(
            f"{path}: expected the names of images in the column {held[0]!r}, got the images themselves; "
            f"read them by data=hf"
        )
    needed = dict.fromkeys([*images, *captions, *({columns.split_field} & {*schema.names})])
    return SourceFile(path, file_checksum(path)), _rows(file, [*needed], path, columns, left_out)


def _rows(file: Any, needed: list[str], path: Path, columns: Columns, left_out: LeftOut) -> Iterator[CaptionRow]:
    number = 0
    for batch in file.iter_batches(batch_size=4096, columns=needed):
        for row in batch.to_pylist():
            number += 1
            yield from table_row(row, f"{path}, row {number}", columns, left_out)
