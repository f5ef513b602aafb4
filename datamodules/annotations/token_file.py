"""The captions of Flickr8k and Flickr30k as their token files hold them."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from datamodules.annotations.fields import image_name, shown
from datamodules.annotations.problems import STRICT, LeftOut
from datamodules.annotations.reference_image import ReferenceImage

CAPTION_LINE = re.compile(r"(?P<image>[^\t]*[^\t\s])#(?P<number>[0-9]{1,18})\t(?P<caption>.*)")
TAGGED_LINE = re.compile(r"(?P<image>[^\t#]*\.\w{2,5})#[a-z]{2,12}#(?P<number>[0-9]{1,18})[\t ](?P<caption>.*)")
"""As in Flickr8kCN (Li et al. 2016), whose files tell the language of each caption: `image.jpg#zhm#0 …`."""
MAX_LINE = 2**16  # characters; more is no caption
MAX_BAD_LINES = 10_000  # more are another kind of file
EXAMPLE = "image.jpg#0<TAB>A caption ."
NOT_CAPTIONS = "caption lines that are not 'image.jpg#number<TAB>caption'"


class CaptionLine(NamedTuple):
    """One line of a token file."""

    image: str
    number: int
    caption: str


def parse_line(line: str) -> CaptionLine | None:
    """Read a line `image.jpg#number<TAB>caption` or `image.jpg#language#number caption`; None if it is another."""
    bare = line.rstrip("\r\n")
    parts = TAGGED_LINE.fullmatch(bare) or CAPTION_LINE.fullmatch(bare)
    return None if parts is None else CaptionLine(parts["image"], int(parts["number"]), parts["caption"].strip())


def looks_like_token_file(text: str) -> bool:
    """Return whether the first line that is not blank is one of a token file."""
    start = re.compile(r"\S").search(text)
    return start is not None and parse_line(text[start.start() :][:MAX_LINE].split("\n", 1)[0]) is not None


def token_file_images(text: str, path: str, left_out: LeftOut = STRICT) -> list[ReferenceImage]:
    """Return the images of lines `image.jpg#number<TAB>caption`, as the lines first name them; blank lines are skipped.

    Raises:
        ValueError: A line is another, or the same image has the same number twice, and lines are not left out; or very
            many are others.
    """
    images: dict[str, ReferenceImage] = {}
    line_of_key: dict[tuple[str, int], int] = {}
    num_bad = 0
    for number, line in _lines(text, path):
        if not line.strip():
            continue
        parts = parse_line(line)
        if parts is None and left_out.problems is not None:
            num_bad += 1
            if num_bad > MAX_BAD_LINES:
                raise ValueError(
                    f"{path}: expected lines {EXAMPLE!r}, got more than {MAX_BAD_LINES:,} others; check that it is "
                    f"the right file"
                )
            left_out.problems.add(NOT_CAPTIONS, f"{path.rpartition('/')[2]}:{number}")
            continue
        if parts is None:
            raise ValueError(f"{path}, line {number}: expected {EXAMPLE!r}, got {shown(line)}; correct the line")
        with left_out:
            name = image_name(parts.image, f"{path}, line {number}")
            key = name, parts.number
            if key in line_of_key:
                raise ValueError(
                    f"{path}, line {number}: expected each caption once, got {name}#{key[1]} again, as on line "
                    f"{line_of_key[key]}; remove one of them"
                )
            line_of_key[key] = number
            images.setdefault(name, ReferenceImage((name,), [])).captions.append(parts.caption)
    return list(images.values())


def _lines(text: str, path: str) -> Iterator[tuple[int, str]]:
    """Yield each line with its number, without a copy of all of them."""
    # not splitlines(): a caption may hold one of the rarer line separators of Unicode
    start, number = 0, 1
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if end - start > MAX_LINE:
            raise ValueError(
                f"{path}, line {number}: expected at most {MAX_LINE:,} characters, got {end - start:,}; check that it "
                f"is the right file"
            )
        yield number, text[start:end]
        start, number = end + 1, number + 1
