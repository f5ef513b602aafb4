"""Images with their captions as rows, in the shapes that tools write: lists, JSON Lines, objects by image, CSV."""

from pathlib import Path

from datamodules.annotations.caption_row import CaptionRow
from datamodules.annotations.csv_rows import csv_rows
from datamodules.annotations.json_rows import json_rows
from utils.text_files import parse_json_values


def caption_rows(text: str, path: Path) -> list[CaptionRow] | None:
    """Return the rows of a file in any of the shapes of `json_rows` and `csv_rows`; None if it has another one.

    Raises:
        ValueError: It has one of these shapes, but for a row; or it is no strict JSON.
    """
    is_json = text.lstrip()[0] in "[{"
    rows = json_rows(parse_json_values(text, path), path) if is_json else csv_rows(text, path)
    return None if rows is None else [*rows]
