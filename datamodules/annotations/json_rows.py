"""Images with their captions as rows of JSON: lists, JSON Lines, objects by image."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from datamodules.annotations.caption_row import CaptionRow, captions_in
from datamodules.annotations.columns import ID_FIELD, IMAGE_FIELDS, USUAL, Columns
from datamodules.annotations.fields import image_name, listed, objects, shown
from datamodules.annotations.problems import STRICT, LeftOut
from utils.suggestions import did_you_mean

REFERENCE_FIELDS = {"annotations", "images", "data"}  # of objects in the formats of references


def json_rows(
    values: Sequence[tuple[int, Any]], path: Path, columns: Columns = USUAL, left_out: LeftOut = STRICT
) -> Iterator[CaptionRow] | None:
    """Return the rows of `parse_json_values`; None where they have another shape.

    - a list `[{"image_id": 42, "caption": "a cat"}, …]`; "captions", or a list under "caption", for several at once;
      the image under any of `IMAGE_FIELDS`;
    - the same objects one after another (JSON Lines), as `caption.py --out` writes them;
    - an object by image, `{"42": ["a cat", …], …}`, each with text, a list of it, or a list of `{"caption": …}`.

    Raises:
        ValueError: It has one of these shapes, but for a row.
    """
    if len(values) > 1 or (len(values) == 1 and _is_row(values[0][1], columns)):
        return _lines(values, path, columns, left_out)
    content = values[0][1]
    if isinstance(content, list):
        return _listed(content, path, columns, left_out)
    if isinstance(content, dict) and not REFERENCE_FIELDS & content.keys() and _is_by_image(content):
        return _by_image(content, path, left_out)
    return None


def _lines(values: Sequence[tuple[int, Any]], path: Path, columns: Columns, left_out: LeftOut) -> Iterator[CaptionRow]:
    for line, value in values:
        where = f"{path}, line {line}"
        with left_out:
            if not isinstance(value, dict):
                raise ValueError(f"{where}: expected an object such as {{…}}, got {shown(value)}; correct or remove it")
        if isinstance(value, dict):
            yield from table_row(value, where, columns, left_out)


def _listed(content: Sequence[Any], path: Path, columns: Columns, left_out: LeftOut) -> Iterator[CaptionRow]:
    for where, row in objects(content, f"{path}, row", left_out):
        yield from table_row(row, where, columns, left_out)


def _is_row(value: object, columns: Columns) -> bool:
    return isinstance(value, dict) and bool(columns.images_of(value)) and bool(columns.captions_of(value))


def _fields_of(row: Mapping[str, Any], missing: str) -> str:
    return f"only {listed(row)}{did_you_mean(missing, row)}"


def table_row(row: Mapping[str, Any], where: str, columns: Columns, left_out: LeftOut) -> Iterator[CaptionRow]:
    """Yield a row by the names of its fields, or nothing where it is left out."""
    found = None
    with left_out:
        names, fields = columns.images_of(row), columns.captions_of(row)
        if not names:
            missing = columns.image or ID_FIELD
            raise ValueError(f"{where}: expected the field {missing!r}, got {_fields_of(row, missing)}; add it")
        if not fields:
            missing = columns.captions[0] if columns.captions else "caption"
            raise ValueError(f"{where}: expected the field {missing!r}, got {_fields_of(row, missing)}; add it")
        several = [caption for name in fields for caption in captions_in(row[name], where)]
        split = row.get(columns.split_field)
        found = CaptionRow(
            where,
            tuple(dict.fromkeys(image_name(row[name], where) for name in names)),
            several,
            names == [ID_FIELD] and len(fields) == 1 and isinstance(row[fields[0]], str),
            split if isinstance(split, str) else None,
        )
    if found is not None:
        yield found


def _is_by_image(content: Mapping[str, Any]) -> bool:
    """Tell captions by image from another object, whose keys are no images: by its first value."""
    first: Any = next(iter(content.values()), None)
    one = first[0] if isinstance(first, list) and first else first
    return isinstance(one, str | list) or (isinstance(one, dict) and "caption" in one)


def _by_image(content: Mapping[str, Any], path: Path, left_out: LeftOut) -> Iterator[CaptionRow]:
    for name, text in content.items():
        where, found = f"{path}, image {name!r}", None
        with left_out:
            image = image_name(name, where)
            for one in text if isinstance(text, list) else [text]:
                others = [one[field] for field in IMAGE_FIELDS if field in one] if isinstance(one, dict) else []
                if others and image not in [image_name(other, where) for other in others]:
                    raise ValueError(
                        f"{where}: expected captions of that image, got one of {shown(others[0])}; if {name!r} is no "
                        f"image, write the list under it alone"
                    )
            found = CaptionRow(where, (image,), captions_in(text, where), like_results=False)
        if found is not None:
            yield found
