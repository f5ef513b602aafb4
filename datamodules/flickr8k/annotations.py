"""The text files of Flickr8k: captions and lists of images."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from datamodules.annotations.token_file import parse_line
from datamodules.image_files.bad_data import BadData
from datamodules.image_files.image_folder import composed

MAX_BYTES = 500_000_000  # of a file; that of Flickr8k has 3 MB
MAX_LINE = 2**16  # bytes; more is no caption
MAX_BAD_LINES = 10_000  # more are another kind of file
NOT_CAPTIONS = "caption lines that are not 'image.jpg#number<TAB>caption'"


def read_captions(path: Path, bad: BadData) -> dict[str, list[str]]:
    """Read the lines `image.jpg#number<TAB>caption` of `Flickr8k.token.txt`.

    Blank lines are passed over; other lines and empty captions are added to `bad`.

    Returns:
        The captions of every image that the file names, in its order; none where all are empty. Names are in Unicode's
        composed form.

    Raises:
        ValueError: The file is too large, has too long a line, is not UTF-8 or holds something else than captions, or a
            name leads out of the image folder.
    """
    captions: dict[str, list[str]] = {}
    num_bad = 0
    for number, line in _lines(path):
        parts = parse_line(line)
        if parts is None:
            num_bad += 1
            if num_bad > MAX_BAD_LINES:
                raise ValueError(
                    f"{path}: expected lines 'image.jpg#number<TAB>caption', got more than {MAX_BAD_LINES:,} others; "
                    f"check that it is the right file"
                )
            bad.add(NOT_CAPTIONS, f"{path.name}:{number}")
            continue
        of_image = captions.setdefault(_file_name(parts.image, path, number), [])
        if parts.caption:
            of_image.append(parts.caption)
        else:
            bad.add("empty captions", f"{parts.image}#{parts.number}")
    return captions


def read_image_names(path: Path) -> list[str]:
    """Read a list of image files, one a line, blank lines passed over; names are in Unicode's composed form.

    Raises:
        ValueError: The file is too large, has too long a line or is not UTF-8, or a name leads out of the image folder.
    """
    return [_file_name(line.strip(), path, number) for number, line in _lines(path)]


def _file_name(name: str, path: Path, number: int) -> str:
    if name in (".", "..") or any(character in name for character in "/\\\0"):
        raise ValueError(
            f"{path}, line {number}: expected the name of a file in the image folder, got {name!r}, which is a path; "
            f"correct or remove the line"
        )
    return composed(name)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each line that is not blank with its number, from 1; no more than one is in memory."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(
            f"{path}: expected at most {MAX_BYTES / 1e6:g} MB, got {size / 1e6:g} MB; check that it is the right file"
        )
    with path.open("rb") as file:  # a caption may hold one of the rarer line separators of Unicode
        for number in count(1):
            line = file.readline(MAX_LINE + 1)
            if not line:
                return
            if len(line) > MAX_LINE:
                raise ValueError(
                    f"{path}, line {number}: expected at most {MAX_LINE:,} bytes, got more; check that it is the right "
                    f"file"
                )
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{path}: expected UTF-8 text, got {error} on line {number}; convert the file to UTF-8"
                ) from error
            if text.strip():
                yield number, text
