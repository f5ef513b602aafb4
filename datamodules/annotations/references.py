"""References in any of the formats that captioning data sets come in."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from datamodules.annotations.caption_rows import CaptionRow, csv_rows, json_rows
from datamodules.annotations.coco import coco_images
from datamodules.annotations.fields import listed
from datamodules.annotations.karpathy import karpathy_images
from datamodules.annotations.reference_image import ReferenceImage
from datamodules.annotations.textcaps import textcaps_images
from datamodules.annotations.token_file import EXAMPLE, looks_like_token_file, token_file_images
from utils.text_files import MAX_BYTES, SourceFile, parse_json, parse_json_values, read_text

OBJECTS: Mapping[str, tuple[str, Callable[[Mapping[str, Any], str], list[ReferenceImage]]]] = {
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


def read_references(path: Path, max_bytes: int = MAX_BYTES, *, keep_rejected: bool = False) -> References:
    """Read COCO annotations, Karpathy's splits, TextCaps, a token file of Flickr8k, or rows of images with captions.

    Whichever the content is; rows are those of `caption_rows`. Rejected and canned captions are left out, if the
    annotations tell them (VizWiz), and counted.

    Args:
        path: The file.
        max_bytes: No more is taken in.
        keep_rejected: Take rejected and canned captions as well.

    Raises:
        ValueError: The file cannot be read, its content is none of these, a row is not as its format wants it, or two
            images go by one name.
    """
    return parse_references(*read_text(path, max_bytes), keep_rejected=keep_rejected)


def parse_references(file: SourceFile, text: str, *, keep_rejected: bool = False) -> References:
    """Return the references that a file's text holds; see `read_references`."""
    format_name, images = _recognise(text, file.path)
    if keep_rejected:
        images = [image._replace(captions=[*image.captions, *image.rejected], rejected=()) for image in images]
    if not any(image.captions for image in images):
        raise ValueError(
            f"{file.path}: expected captions of at least one image, got none; check that it is the right file"
        )
    _check_names(images, file.path)
    return References(file, format_name, images)


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


def _recognise(text: str, path: Path) -> tuple[str, list[ReferenceImage]]:
    if looks_like_token_file(text):
        return "token file", token_file_images(text, str(path))
    values = parse_json_values(text, path) if text.lstrip()[0] in "[{" else []
    rows = json_rows(values, path) if values else csv_rows(text, path)
    if rows is not None:
        return "captions by image", _images_of_rows(rows, path)
    content = values[0][1] if values else None
    if isinstance(content, dict):
        for field, (name, read) in OBJECTS.items():
            if field in content:
                return name, read(content, str(path))
    raise ValueError(f"{path}: expected {EXPECTED}, got {format_of(text, path)}; docs/metrics.md lists the formats")


def _images_of_rows(rows: list[CaptionRow], path: Path) -> list[ReferenceImage]:
    """Return the images of rows, as these first name them."""
    if rows and all(row.like_results for row in rows):
        raise ValueError(
            f"{path}: expected references, got a list as in results; if these are references, write them as "
            f'{{"annotations": […]}}'
        )
    images: dict[tuple[str, ...], ReferenceImage] = {}
    for row in rows:
        image = images.setdefault(row.names, ReferenceImage(row.names, [], row.split))
        image.captions.extend(row.captions)
    return list(images.values())


def _check_names(images: list[ReferenceImage], path: Path) -> None:
    image_of_name: dict[str, int] = {}
    for number, image in enumerate(images):
        for name in image.names:
            if image_of_name.setdefault(name, number) != number:
                raise ValueError(f"{path}: expected a name for each image, got two images named {name!r}; rename one")
