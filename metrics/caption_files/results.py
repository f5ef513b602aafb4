"""Captions to score, in the results format of COCO."""

from pathlib import Path
from typing import NamedTuple

from metrics.caption_files.fields import caption_text, field, image_name, listed, objects
from metrics.caption_files.text_file import MAX_BYTES, SourceFile, parse_json, read_text

EXAMPLE = '[{"image_id": 42, "caption": "a cat sits"}, …]'


class Result(NamedTuple):
    """A caption of an image.

    Attributes:
        image: The image's number or file name, in the one spelling of `image_name`.
        caption: What is said of it; may be empty.
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
    """Read `[{"image_id": …, "caption": …}, …]`; several rows of an image are several captions of it.

    Fields beside the two are passed over.

    Raises:
        ValueError: The file cannot be read, or its content is not of this shape.
    """
    file, text = read_text(path, max_bytes)
    if text.lstrip()[0] not in "[{":
        raise ValueError(
            f"{path}: expected results as JSON {EXAMPLE}, got text that starts with {text.strip()[:20]!r}; "
            f"write them in this shape"
        )
    content = parse_json(text, path)
    if isinstance(content, dict):
        raise ValueError(
            f"{path}: expected results as a list {EXAMPLE}, got an object with {listed(content)}; "
            f"give the results first, then the references"
        )
    rows = [
        Result(
            image_name(field(row, "image_id", where), where),
            caption_text(field(row, "caption", where), where),
        )
        for where, row in objects(content, f"{path}, row")
    ]
    if not rows:
        raise ValueError(f"{path}: expected at least one result, got an empty list; check what wrote the file")
    return Results(file, rows)
