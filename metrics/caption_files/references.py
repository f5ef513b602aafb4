"""References in any of the formats that captioning data sets come in."""

from pathlib import Path
from typing import NamedTuple

from metrics.caption_files.coco import coco_images
from metrics.caption_files.fields import listed
from metrics.caption_files.karpathy import karpathy_images
from metrics.caption_files.reference_image import ReferenceImage
from metrics.caption_files.text_file import MAX_BYTES, SourceFile, parse_json, read_text
from metrics.caption_files.token_file import EXAMPLE, looks_like_token_file, token_file_images


class References(NamedTuple):
    """A file of references.

    Attributes:
        file: The file.
        format: What it was recognised as: "COCO annotations", "Karpathy splits" or "token file".
        images: All of its images, in its order; no two share a name.
    """

    file: SourceFile
    format: str
    images: list[ReferenceImage]


def read_references(path: Path, max_bytes: int = MAX_BYTES) -> References:
    """Read COCO annotations, Karpathy's splits, or a token file of Flickr8k, whichever the content is.

    Raises:
        ValueError: The file cannot be read, its content is none of these, a row is not as its format wants it, or two
            images go by one name.
    """
    return parse_references(*read_text(path, max_bytes))


def parse_references(file: SourceFile, text: str) -> References:
    """Return the references that a file's text holds; see `read_references`."""
    format_name, images = _recognise(text, file.path)
    if not any(image.captions for image in images):
        raise ValueError(
            f"{file.path}: expected captions of at least one image, got none; check that it is the right file"
        )
    _check_names(images, file.path)
    return References(file, format_name, images)


def _recognise(text: str, path: Path) -> tuple[str, list[ReferenceImage]]:
    if looks_like_token_file(text):
        return "token file", token_file_images(text, str(path))
    if text.lstrip()[0] not in "[{":
        raise ValueError(
            f"{path}: expected COCO annotations, Karpathy's splits (both JSON) or lines {EXAMPLE!r}, got text that "
            f"starts with {text.strip()[:20]!r}; see the README for the formats"
        )
    content = parse_json(text, path)
    if isinstance(content, list):
        raise ValueError(
            f"{path}: expected references, got a list as in results; "
            f"give the results first, then COCO annotations, Karpathy's splits or a token file"
        )
    if "annotations" in content:
        return "COCO annotations", coco_images(content, str(path))
    if "images" in content:
        return "Karpathy splits", karpathy_images(content, str(path))
    raise ValueError(
        f"{path}: expected an object with 'annotations' (COCO) or 'images' (Karpathy), got one with {listed(content)}; "
        f"see the README for the formats"
    )


def _check_names(images: list[ReferenceImage], path: Path) -> None:
    image_of_name: dict[str, int] = {}
    for number, image in enumerate(images):
        for name in image.names:
            if image_of_name.setdefault(name, number) != number:
                raise ValueError(f"{path}: expected a name for each image, got two images named {name!r}; rename one")
