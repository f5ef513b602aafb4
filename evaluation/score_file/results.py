"""Captions to score, in the results format of COCO and in those of other tools."""

from pathlib import Path
from typing import NamedTuple

from datamodules.annotations.caption_rows import caption_rows
from datamodules.annotations.references import format_of
from utils.text_files import MAX_BYTES, SourceFile, read_text

EXAMPLE = '[{"image_id": 42, "caption": "a cat sits"}, …]'


class Result(NamedTuple):
    """A caption of an image.

    Attributes:
        image: The image's number or file name, in the one spelling of `image_name`.
        caption: The generated caption; may be empty.
    """

    image: str
    caption: str


class Results(NamedTuple):
    """A file of results.

    Attributes:
        file: The file.
        rows: Its captions, in its order; at least one. Those of one image are its candidates, best first.
    """

    file: SourceFile
    rows: list[Result]


def read_results(path: Path, max_bytes: int = MAX_BYTES) -> Results:
    """Read `[{"image_id": …, "caption": …}, …]`, or captions in another shape that `caption_rows` knows.

    Several captions of an image are its candidates. Fields beside those of the image and the captions are passed over.

    Raises:
        ValueError: The file cannot be read, or its content is not of such a shape.
    """
    file, text = read_text(path, max_bytes)
    rows = caption_rows(text, path)
    if rows is None:
        raise ValueError(
            f"{path}: expected results as JSON {EXAMPLE}, got {format_of(text, path)}; write them in this shape"
        )
    if not rows:
        raise ValueError(f"{path}: expected at least one result, got an empty list; check what wrote the file")
    return Results(file, [Result(row.names[0], caption) for row in rows for caption in row.captions])
