"""Lists of images, one a line, such as those of a split."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from datamodules.annotations.fields import image_name

MAX_BYTES = 500_000_000  # of a file; a name has 255 at most
MAX_LINE = 2**16  # bytes; more is no name


def read_image_names(path: Path) -> list[tuple[int, str]]:
    """Read a list of images by file name or number, one a line; blank lines are passed over.

    Returns:
        The line of each, from 1, and its name as `image_name` spells it.

    Raises:
        ValueError: The file cannot be read, is too large, has too long a line or is not UTF-8.
    """
    return [(number, image_name(line, f"{path}, line {number}")) for number, line in _lines(path)]


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each line that is not blank with its number, from 1; no more than one is in memory."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ValueError(f"{path}: expected a list of images, got '{error.strerror}'; check the path") from error
    if size > MAX_BYTES:
        raise ValueError(
            f"{path}: expected at most {MAX_BYTES / 1e6:g} MB, got {size / 1e6:g} MB; check that it is the right file"
        )
    with path.open("rb") as file:
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
