"""Reads all that is needed of the rows of a data set but their pixels.

Shape legend: R rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datamodules.hugging_face.caption_table import read_captions
from datamodules.hugging_face.columns import Columns
from datamodules.hugging_face.image_check import check_rows
from datamodules.hugging_face.row_images import RowImages
from datamodules.hugging_face.rows import Integers, Rows, joined

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts of a data set, one after another.

    Attributes:
        rows: Those of all parts.
        images: Those of each part.
        problems: What is wrong with the image of a row, by its number among all rows.
    """

    rows: Rows
    images: Sequence[RowImages]
    problems: Mapping[int, str]

    def where(self, row: int) -> str:
        """Return what errors call a row, by its number among all rows."""
        part, number = self.rows.places_R2[row].tolist()
        return f"row {number} of {self.images[part].split}"

    def faults(self) -> dict[str, dict[int, str]]:
        """Return the rows that cannot be used, with their names, by what is wrong with them."""
        captionless = np.setdiff1d(np.arange(len(self.rows)), self.rows.caption_rows_T).tolist()
        nameless = [] if self.rows.ids_R is None else np.flatnonzero(_is_null(self.rows.ids_R)).tolist()
        unreadable = {row: f"{self.where(row)}: {problem}" for row, problem in self.problems.items()}
        return {
            "rows without a caption": {row: self.where(row) for row in captionless},
            "rows without an id": {row: self.where(row) for row in nameless},
            "rows whose image cannot be read": unreadable,
        }

    def names(self, rows: Integers, of_several: bool) -> list[str | int]:
        """Return what outputs call the images whose first rows these are.

        Args:
            rows: Their numbers among all rows.
            of_several: Whether they are of several parts, so that the number of a row in its part does not tell it.
        """
        import pyarrow as pa

        if self.rows.ids_R is not None:
            ids: list[str | int] = self.rows.ids_R.take(pa.array(rows)).to_pylist()
            return ids
        places = self.rows.places_R2[rows].tolist()
        if of_several:
            return [f"{self.images[part].split}/{number}" for part, number in places]
        return [number for _, number in places]


def read_parts(splits: Mapping[str, "Dataset"], columns: Columns, *, folder: Path, cache_dir: Path) -> Parts:
    """Read the rows of splits, and decode their images unless that was done before.

    Args:
        splits: By name.
        columns: Which to read; they exist.
        folder: What relative paths of images begin in.
        cache_dir: Outcomes of decoding are kept here.

    Raises:
        ValueError: A caption is not UTF-8.
    """
    images = [RowImages(split, columns.image, split=name, folder=folder) for name, split in splits.items()]
    rows: list[Rows] = []
    problems: dict[int, str] = {}
    start = 0
    for number, (of_part, (name, split)) in enumerate(zip(images, splits.items(), strict=True)):
        check = check_rows(of_part, cache_dir=cache_dir)
        problems |= {start + row: problem for row, problem in check.problems.items()}
        start += len(split)
        texts = _columns(split, columns.captions)
        caption_rows_T, captions_T = read_captions(texts, f"data.caption_columns, split {name!r}")
        rows.append(
            Rows(
                places_R2=np.column_stack([np.full(len(split), number), np.arange(len(split))]),
                ids_R=_ids(split, columns, of_part),
                keys_R2=check.keys_R2,
                caption_rows_T=caption_rows_T,
                captions_T=captions_T,
            )
        )
    return Parts(rows=joined(rows), images=images, problems=problems)


def _ids(split: "Dataset", columns: Columns, images: RowImages) -> Any:
    """Return the ids of a split's rows as an Arrow array; None where there are none."""
    import pyarrow as pa

    if columns.id is None:
        return None
    if columns.id == columns.image:
        return pa.array([_within(path, images.folder) for path in images.paths()], pa.large_string())
    (ids,) = _columns(split, [columns.id])
    return ids.cast(pa.int64() if pa.types.is_integer(ids.type) else pa.large_string()).combine_chunks()


def _within(path: str | None, folder: Path) -> str | None:
    """Return a path as it begins in the folder of the data, if it is in there."""
    if path is None:
        return None
    # the library follows links
    begin = next((begin for begin in (folder.absolute(), folder.resolve()) if Path(path).is_relative_to(begin)), None)
    return path if begin is None else str(Path(path).relative_to(begin))


def _columns(split: "Dataset", names: Sequence[str]) -> list[Any]:
    """Return Arrow columns of a split."""
    import pyarrow as pa

    types = [split.features.arrow_schema.field(name).type for name in names]
    if not len(split):
        return [pa.chunked_array([], kind) for kind in types]
    table = split.select_columns([*names]).with_format("arrow")[:]
    return [table[name] for name in names]


def _is_null(array: Any) -> np.ndarray:
    return np.asarray(array.is_null().to_numpy(zero_copy_only=False))
