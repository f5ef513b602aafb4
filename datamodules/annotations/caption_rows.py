"""Images with their captions as rows, in the shapes that tools write: lists, JSON Lines, objects by image, CSV."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from datamodules.annotations.fields import caption_text, image_name, listed, objects, shown
from utils.text_files import parse_json_values

ID_FIELD = "image_id"
IMAGE_FIELDS = (ID_FIELD, "img_id", "image", "image_name", "image_path", "file_name", "filename")
CAPTION_FIELDS = ("caption", "captions")
CSV_CAPTION = re.compile(r"captions?[_ ]?\d*|comment")
REFERENCE_FIELDS = {"annotations", "images", "data"}  # of objects in the formats of references


class CaptionRow(NamedTuple):
    """A row of a file: an image and some of its captions.

    Attributes:
        where: The file and the row, for errors.
        names: What the row calls its image, its number first; at least one.
        captions: At least one.
        like_results: Whether it is as in COCO's results: one caption of an "image_id".
        split: The part of the data set; None where the row does not say.
    """

    where: str
    names: tuple[str, ...]
    captions: list[str]
    like_results: bool
    split: str | None = None


def caption_rows(text: str, path: Path) -> list[CaptionRow] | None:
    """Return the rows of a file in any of the shapes; None if it has another one.

    - a list `[{"image_id": 42, "caption": "a cat"}, …]`; "captions", or a list under "caption", for several at once;
      the image under any of `IMAGE_FIELDS`;
    - the same objects one after another (JSON Lines), as `caption.py --out` writes them;
    - an object by image, `{"42": ["a cat", …], …}`, each with text, a list of it, or a list of `{"caption": …}`;
    - CSV whose first line names the columns: one of `IMAGE_FIELDS`, and "caption", "caption_0", … or "comment"; columns
      are divided by commas, semicolons, tabs or bars.

    Raises:
        ValueError: It has one of these shapes, but for a row; or it is no strict JSON.
    """
    return csv_rows(text, path) if text.lstrip()[0] not in "[{" else json_rows(parse_json_values(text, path), path)


def json_rows(values: Sequence[tuple[int, Any]], path: Path) -> list[CaptionRow] | None:
    """Return the rows of `parse_json_values`, as `caption_rows` does."""
    if len(values) > 1 or (len(values) == 1 and _is_row(values[0][1])):
        return [_row(row, at) for line, value in values for at, row in _alone(value, f"{path}, line {line}")]
    content = values[0][1]
    if isinstance(content, list):
        return [_row(row, where) for where, row in objects(content, f"{path}, row")]
    if isinstance(content, dict) and not REFERENCE_FIELDS & content.keys() and _is_by_image(content):
        return [_by_image(name, text, f"{path}, image {name!r}") for name, text in content.items()]
    return None


def _is_row(value: object) -> bool:
    return isinstance(value, dict) and any(name in value for name in IMAGE_FIELDS) and bool(_caption_fields(value))


def _alone(value: object, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected an object such as {{…}}, got {shown(value)}; correct or remove it")
    yield where, value


def _row(row: Mapping[str, Any], where: str) -> CaptionRow:
    names = [name for name in IMAGE_FIELDS if name in row]
    fields = _caption_fields(row)
    if not names:
        raise ValueError(f"{where}: expected the field {ID_FIELD!r}, got only {listed(row)}; add it")
    if not fields:
        raise ValueError(f"{where}: expected the field 'caption', got only {listed(row)}; add it")
    text = row[fields[0]]
    captions = _captions(text, where)
    split = row.get("split")
    return CaptionRow(
        where,
        tuple(dict.fromkeys(image_name(row[name], where) for name in names)),
        captions,
        names == [ID_FIELD] and isinstance(text, str),
        split if isinstance(split, str) else None,
    )


def _caption_fields(row: Mapping[str, Any]) -> list[str]:
    return [name for name in CAPTION_FIELDS if name in row]


def _captions(text: object, where: str) -> list[str]:
    several = text if isinstance(text, list) else [text]
    if not several:
        raise ValueError(f"{where}: expected at least one caption, got an empty list; add one or remove the row")
    texts = (one["caption"] if isinstance(one, dict) and "caption" in one else one for one in several)
    return [caption_text(text, where) for text in texts]


def _is_by_image(content: Mapping[str, Any]) -> bool:
    """Tell captions by image from another object, whose keys are no images: by its first value."""
    first: Any = next(iter(content.values()), None)
    one = first[0] if isinstance(first, list) and first else first
    return isinstance(one, str | list) or (isinstance(one, dict) and "caption" in one)


def _by_image(name: str, text: object, where: str) -> CaptionRow:
    image = image_name(name, where)
    for one in text if isinstance(text, list) else [text]:
        names = [one[field] for field in IMAGE_FIELDS if field in one] if isinstance(one, dict) else []
        if names and image not in [image_name(other, where) for other in names]:
            raise ValueError(
                f"{where}: expected captions of that image, got one of {shown(names[0])}; if {name!r} is no image, "
                f"write the list under it alone"
            )
    return CaptionRow(where, (image,), _captions(text, where), like_results=False)


def csv_rows(text: str, path: Path) -> list[CaptionRow] | None:
    """Return the rows of CSV, as `caption_rows` does."""
    header = text.lstrip().split("\n", 1)[0]
    divider = max(",;\t|", key=header.count)
    reader = csv.reader(
        io.StringIO(text.lstrip()),
        delimiter=divider,
        skipinitialspace=True,
        quoting=csv.QUOTE_NONE if divider == "|" else csv.QUOTE_MINIMAL,  # Flickr30k's quotes are those of its captions
        strict=True,
    )
    try:
        columns = [column.strip().lower() for column in next(reader)]
    except csv.Error:
        return None
    images = [place for place, column in enumerate(columns) if column in IMAGE_FIELDS]
    captions = [place for place, column in enumerate(columns) if CSV_CAPTION.fullmatch(column)]
    if not images or not captions:
        return None
    skipped = len(text[: len(text) - len(text.lstrip())].splitlines())
    return [*_csv_rows(reader, columns, images, captions, path, skipped)]


def _csv_rows(
    reader: Any, columns: list[str], images: list[int], captions: list[int], path: Path, skipped: int
) -> Iterator[CaptionRow]:
    split = columns.index("split") if "split" in columns else None
    try:
        for row in reader:
            where = f"{path}, line {reader.line_num + skipped}"
            if not any(map(str.strip, row)):
                continue
            if len(row) != len(columns):
                raise ValueError(
                    f"{where}: expected {len(columns)} columns ({', '.join(columns)}), got {len(row)} in "
                    f"{shown(' '.join(row))}; correct the line"
                )
            text = [caption_text(row[place], where).strip() for place in captions]
            yield CaptionRow(
                where,
                tuple(dict.fromkeys(image_name(row[place], where) for place in images)),
                [caption for caption in text if caption] or text[:1],
                [columns[place] for place in images] == [ID_FIELD] and len(captions) == 1,
                None if split is None else row[split].strip(),
            )
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {reader.line_num + skipped}: expected CSV, got '{error}'; correct the line"
        ) from error
