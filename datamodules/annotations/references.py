"""References in any of the formats that captioning data sets come in."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from datamodules.annotations.caption_row import CaptionRow
from datamodules.annotations.coco import coco_images
from datamodules.annotations.columns import USUAL, Columns
from datamodules.annotations.csv_rows import csv_rows, lines_of
from datamodules.annotations.fields import listed
from datamodules.annotations.json_rows import json_rows
from datamodules.annotations.karpathy import karpathy_images
from datamodules.annotations.parquet_rows import is_readable_parquet, parquet_rows
from datamodules.annotations.problems import LeftOut, Problems
from datamodules.annotations.reference_image import ReferenceImage
from datamodules.annotations.textcaps import textcaps_images
from datamodules.annotations.token_file import EXAMPLE, looks_like_token_file, token_file_images
from utils.text_files import MAX_BYTES, SourceFile, parse_json, parse_json_values, read_text

Reader = Callable[[Mapping[str, Any], str, LeftOut], list[ReferenceImage]]
OBJECTS: Mapping[str, tuple[str, Reader]] = {
    "annotations": ("COCO annotations", coco_images),
    "images": ("Karpathy splits", karpathy_images),
    "data": ("TextCaps annotations", textcaps_images),
}
"""Formats that are one JSON object: the field that tells them, the first that is there, their name and their reader."""

EXPECTED = f"COCO annotations, Karpathy's splits, TextCaps, captions by image (all JSON), CSV or lines {EXAMPLE!r}"


class References(NamedTuple):
    """A file of references.

    Attributes:
        file: The file.
        format: What it was recognised as: "COCO annotations", "Karpathy splits", "TextCaps annotations", "token file"
            or "captions by image".
        images: All of its images, in its order; no two share a name.
    """

    file: SourceFile
    format: str
    images: list[ReferenceImage]

    def place_of(self, number: int) -> str:
        """Return the file and the row that first names an image, given by its place in `images`, for errors."""
        path, names = self.file.path, self.images[number].names
        if self.format not in ("token file", "captions by image"):
            return f"{path}, image {number + 1}"
        text = "" if is_readable_parquet(path) else read_text(path)[1]
        lines = (line for line, content in enumerate(lines_of(text), start=1) if any(name in content for name in names))
        line = next(lines, None)
        return f"{path}, image {number + 1}" if line is None else f"{path}, line {line}"


def read_references(
    path: Path,
    max_bytes: int = MAX_BYTES,
    *,
    keep_rejected: bool = False,
    columns: Columns = USUAL,
    problems: Problems | None = None,
) -> References:
    """Read COCO annotations, Karpathy's splits, TextCaps, a token file of Flickr8k, or rows of images with captions.

    Whichever the content is; rows are those of `json_rows` and `csv_rows`, or, with `pyarrow`, of Parquet. Rejected and
    canned captions are left out, if the annotations tell them (VizWiz), and counted.

    Args:
        path: The file.
        max_bytes: No more is taken in.
        keep_rejected: Take rejected and canned captions as well.
        columns: Which columns of rows hold what.
        problems: Where rows that cannot be used are noted and left out; None for an error at the first.

    Raises:
        ValueError: The file cannot be read, its content is none of these, a row is not as its format wants it, or two
            images go by one name.
    """
    left_out = LeftOut(problems, f"{path.parent}/")
    if is_readable_parquet(path):
        file, rows = parquet_rows(path, columns, left_out)
        return _checked(References(file, "captions by image", _images_of_rows(rows, path)), keep_rejected, left_out)
    file, text = read_text(path, max_bytes)
    return _checked(References(file, *_recognise(text, path, columns, left_out)), keep_rejected, left_out)


def _checked(references: References, keep_rejected: bool, left_out: LeftOut) -> References:
    if keep_rejected:
        every = [
            image._replace(captions=[*image.captions, *image.rejected], rejected=()) for image in references.images
        ]
        references = references._replace(images=every)
    path = references.file.path
    if not any(image.captions for image in references.images):
        if left_out.first is not None:
            raise ValueError(left_out.first)
        raise ValueError(f"{path}: expected captions of at least one image, got none; check that it is the right file")
    _check_names(references.images, path)
    return references


def format_of(text: str, path: Path) -> str:
    """Return what the content of a file is that holds no rows of captions, for errors."""
    if looks_like_token_file(text):
        return "a token file, which is a format of references"
    if text.lstrip()[0] not in "[{":
        return f"text that starts with {text.strip()[:20]!r}"
    content = parse_json(text, path)
    if not isinstance(content, dict):
        return "other JSON"
    known = next((name for field, (name, _) in OBJECTS.items() if isinstance(content.get(field), list)), None)
    return f"an object with {listed(content)}" + (f": {known}, which are references" if known else "")


def _recognise(text: str, path: Path, columns: Columns, left_out: LeftOut) -> tuple[str, list[ReferenceImage]]:
    if looks_like_token_file(text):
        return "token file", token_file_images(text, str(path), left_out)
    values = parse_json_values(text, path) if text.lstrip()[0] in "[{" else []
    rows = json_rows(values, path, columns, left_out) if values else csv_rows(text, path, columns, left_out)
    if rows is not None:
        return "captions by image", _images_of_rows(rows, path)
    content = values[0][1] if values else None
    if isinstance(content, dict):
        for field, (name, read) in OBJECTS.items():
            if field in content:
                return name, read(content, str(path), left_out)
    raise ValueError(f"{path}: expected {EXPECTED}, got {format_of(text, path)}; docs/metrics.md lists the formats")


def _images_of_rows(rows: Iterable[CaptionRow], path: Path) -> list[ReferenceImage]:
    """Return the images of rows, as these first name them."""
    images: dict[tuple[str, ...], ReferenceImage] = {}
    like_results = True
    for row in rows:
        like_results = like_results and row.like_results
        image = images.setdefault(row.names, ReferenceImage(row.names, [], row.split))
        image.captions.extend(row.captions)
    if images and like_results:
        raise ValueError(
            f"{path}: expected references, got a list as in results; if these are references, write them as "
            f'{{"annotations": […]}}'
        )
    return list(images.values())


def _check_names(images: list[ReferenceImage], path: Path) -> None:
    image_of_name: dict[str, int] = {}
    for number, image in enumerate(images):
        for name in image.names:
            if image_of_name.setdefault(name, number) != number:
                raise ValueError(f"{path}: expected a name for each image, got two images named {name!r}; rename one")
