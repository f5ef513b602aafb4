"""Captions in a text file beside each image: `name.jpg` and `name.txt`."""

import re
from collections.abc import Mapping
from pathlib import Path

from datamodules.annotations.fields import caption_text
from datamodules.annotations.problems import STRICT, LeftOut
from datamodules.annotations.reference_image import ReferenceImage

SUFFIX = ".txt"
MAX_BYTES = 2**20  # of a file; more are no captions of one image
NOTES = re.compile(r"(?i)(readme|licen[cs]e|copying|notice|requirements)\b.*")


def text_beside(image: str) -> str:
    """Return the name of the file with the captions of an image."""
    folder, _, file = image.rpartition("/")
    stem = file.rpartition(".")[0]
    return f"{folder}/{stem}{SUFFIX}" if folder else f"{stem}{SUFFIX}"


def sidecar_images(images: list[str], files: Mapping[str, str], left_out: LeftOut = STRICT) -> list[ReferenceImage]:
    """Return images with the captions of the text files beside them, one caption a line; blank lines are skipped.

    An image's split is its first folder. Images without such a file have no captions. Text files without an image are
    an error, or noted, but for those such as `README.txt`.

    Args:
        images: Their names, with "/" between folders.
        files: The path of each file by its name, of text files among others.
        left_out: What becomes of files that cannot be used.

    Raises:
        ValueError: A file is too large, or not UTF-8.
    """
    found, used = [], set()
    for image in images:
        text = text_beside(image)
        used.add(text)
        captions: list[str] = []
        with left_out:
            captions = _captions(Path(files[text])) if text in files else []
        found.append(ReferenceImage((image,), captions, image.partition("/")[0] if "/" in image else None))
    folders = {image.rpartition("/")[0] for image in images}
    for name in files:
        folder, _, file = name.rpartition("/")
        if file.endswith(SUFFIX) and folder in folders and name not in used and not NOTES.fullmatch(file):
            with left_out:
                raise ValueError(f"{files[name]}: expected an image of that name beside it; add it or remove the file")
    return found


def _captions(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path}: expected a readable file, got '{error.strerror}'; check it") from error
    if len(content) > MAX_BYTES:
        raise ValueError(f"{path}: expected captions of one image, got more than {MAX_BYTES:,} bytes; correct the file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected UTF-8 text, got {error}; convert the file to UTF-8") from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [caption_text(line, str(path)) for line in lines if line.strip()]
