"""Images with their captions as rows of CSV: divided by commas, semicolons, tabs or bars."""

import csv
import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from datamodules.annotations.caption_row import CaptionRow, captions_in_cell
from datamodules.annotations.columns import HOW_TO_NAME, ID_FIELD, USUAL, Columns
from datamodules.annotations.fields import caption_text, image_name, shown
from datamodules.annotations.problems import STRICT, LeftOut
from utils.suggestions import did_you_mean

log = logging.getLogger(__name__)

FLICKR30K = ["image_name", "comment_number", "comment"]
NO_BAR = re.compile(r"\s*(\d+)\s{2,}(\S.*)")  # "4   A dog runs": the bar between number and comment is missing


class _Table(NamedTuple):
    """The columns of a table by their places."""

    columns: list[str]
    images: list[int]
    captions: list[int]
    split: int | None


def csv_rows(
    text: str, path: Path, columns: Columns = USUAL, left_out: LeftOut = STRICT
) -> Iterator[CaptionRow] | None:
    """Return the rows of CSV; None if it is something else.

    Its first line names the columns: one of `columns.IMAGE_FIELDS`, and "caption", "caption_0", …, "comment" or "text",
    in whatever letters; others where `columns` names them. A cell of captions may hold a list. In what is divided by
    bars quotes belong to the captions.

    Raises:
        ValueError: It is CSV, but for a row; or lacks a column that `columns` names.
    """
    start = len(text) - len(text.lstrip())
    header = text[start:].split("\n", 1)[0]
    divider = max(",;\t|", key=header.count)
    reader = (
        _Bars(text, start)
        if divider == "|"
        else csv.reader(lines_of(text, start), delimiter=divider, skipinitialspace=True, strict=True)
    )
    try:
        names = [name.strip().lower() for name in next(reader)]
    except csv.Error:
        return None
    columns = Columns(*(_lower(part) for part in columns))
    named = [name for name in (columns.image, *columns.captions, columns.split) if name is not None]
    if missing := [name for name in named if name not in names]:
        raise ValueError(
            f"{path}, line {text.count(chr(10), 0, start) + 1}: expected a column {missing[0]!r}, got "
            f"{', '.join(map(repr, names))}{did_you_mean(missing[0], names)}; {HOW_TO_NAME}"
        )
    images, captions = columns.images_of(names), columns.captions_of(names)
    if not images or not captions:
        return None
    split = names.index(columns.split_field) if columns.split_field in names else None
    table = _Table(names, [*map(names.index, images)], [*map(names.index, captions)], split)
    return _rows(reader, table, path, text.count("\n", 0, start), left_out)


class _Bars:
    """Reads Flickr30k's lines, whose quotes, and bars behind the last divider, are those of the caption."""

    def __init__(self, text: str, start: int) -> None:
        self.line_num, self.num_columns = 0, 0
        self._lines = lines_of(text, start)

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        cells = next(self._lines).rstrip("\r\n").split("|", self.num_columns - 1)
        self.line_num += 1
        self.num_columns = self.num_columns or len(cells)
        return [cell.lstrip(" ") for cell in cells]


def lines_of(text: str, start: int = 0) -> Iterator[str]:
    """Yield each line with its end, without a copy of all of them."""
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _lower(part: Any) -> Any:
    return part.strip().lower() if isinstance(part, str) else part and tuple(map(_lower, part))


def _rows(reader: Any, table: _Table, path: Path, skipped: int, left_out: LeftOut) -> Iterator[CaptionRow]:
    while True:
        found = None
        with left_out:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise ValueError(
                    f"{path}, line {reader.line_num + skipped}: expected CSV, got '{error}'; correct the line"
                ) from error
            if cells is None:
                return
            found = _row(cells, table, f"{path}, line {reader.line_num + skipped}")
        if found is not None:
            yield found


def _row(cells: Sequence[str], table: _Table, where: str) -> CaptionRow | None:
    """Return a row; None for a blank one."""
    if not any(map(str.strip, cells)):
        return None
    if len(cells) != len(table.columns):
        cells = _with_bar(cells, table, where)
    text = [caption for place in table.captions for caption in captions_in_cell(caption_text(cells[place], where))]
    return CaptionRow(
        where,
        tuple(dict.fromkeys(image_name(cells[place], where) for place in table.images)),
        [caption for caption in text if caption] or text[:1],
        [table.columns[place] for place in table.images] == [ID_FIELD] and len(table.captions) == 1,
        None if table.split is None else cells[table.split].strip(),
    )


def _with_bar(cells: Sequence[str], table: _Table, where: str) -> Sequence[str]:
    """Return the cells of the one line of Flickr30k's `results.csv` that was published without its second bar."""
    parts = NO_BAR.fullmatch(cells[1]) if table.columns == FLICKR30K and len(cells) == 2 else None
    if parts is None:
        raise ValueError(
            f"{where}: expected {len(table.columns)} columns ({', '.join(table.columns)}), got {len(cells)} in "
            f"{shown(' '.join(cells))}; correct the line"
        )
    log.warning("%s: the bar between %s and %r is missing; read as if it was there", where, parts[1], parts[2][:40])
    return [cells[0], parts[1], parts[2]]
