"""An image with captions as one picture, the words marked in which they differ.

TensorBoard shows pictures about 350 pixels wide until they are clicked at: these are twice as wide, in letters that can
be read at either size. The font has no Chinese or Japanese characters.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from PIL import Image, ImageDraw
from torch import Tensor

from metrics.words import on_one_line
from pictures.changed_words import MarkedWord, marked_words
from pictures.fonts import font
from pictures.pixels import from_picture, to_picture

WIDTH = 720  # pixels
MARGIN = 14
IMAGE_SIDE = 200
FONT_SIZE, LINE = 23, 29
GAP = 12  # between labels and captions
MOST_REFERENCES = 5
PAPER, INK, FAINT, CHANGED = "#ffffff", "#202124", "#6b7075", "#c2410c"


class CaptionRow(NamedTuple):
    """A caption, and what to call it in a few letters."""

    label: str
    words: Sequence[MarkedWord]


class Section(NamedTuple):
    """Captions under a title."""

    title: str
    rows: Sequence[CaptionRow]


def human_captions(image_id: int, references: Sequence[str]) -> Section:
    """Return the first human captions of an image."""
    rows = [CaptionRow("•", marked_words(caption, caption)) for caption in references[:MOST_REFERENCES]]
    return Section(f"image {image_id}: human captions", rows)


class Text(NamedTuple):
    """A text at its place in the picture, which is that of its left upper corner, in pixels."""

    x: float
    y: float
    text: str
    color: str
    bold: bool


def draw_captioned_image(image_3HW: Tensor, beside: Section, below: Sequence[Section]) -> Tensor:
    """Draw an image, captions beside it and sections of captions below; `uint8`, [3, H, 720].

    Args:
        image_3HW: `uint8`, or floating-point numbers in [0, 1]; square.
        beside: What stands to the right of the image.
        below: What stands beneath both.
    """
    left = 2 * MARGIN + IMAGE_SIDE
    texts, bottom = lay_out(beside, left=left, top=MARGIN)
    bottom = max(bottom, MARGIN + IMAGE_SIDE)
    for section in below:
        more, bottom = lay_out(section, left=MARGIN, top=bottom + MARGIN)
        texts += more
    picture = Image.new("RGB", (WIDTH, round(bottom) + MARGIN), PAPER)
    paste(picture, image_3HW, (MARGIN, MARGIN))
    write(picture, texts)
    return from_picture(picture)


def paste(picture: Image.Image, image_3HW: Tensor, place: tuple[int, int]) -> None:
    """Put an image, `IMAGE_SIDE` pixels wide and high, with its left upper corner at a place of the picture."""
    kind = Image.Resampling.NEAREST if image_3HW.shape[-1] < IMAGE_SIDE else Image.Resampling.LANCZOS
    picture.paste(to_picture(image_3HW).resize((IMAGE_SIDE, IMAGE_SIDE), kind), place)


def write(picture: Image.Image, texts: Iterable[Text]) -> None:
    """Write texts at their places."""
    draw = ImageDraw.Draw(picture)
    for text in texts:
        draw.text((text.x, text.y), text.text, fill=text.color, font=font(FONT_SIZE, bold=text.bold))


def lay_out(section: Section, *, left: float, top: float, right: float = WIDTH - MARGIN) -> tuple[list[Text], float]:
    """Return a section's texts in a column from `left` to `right`, and where it ends below."""
    title = [MarkedWord(word, False) for word in section.title.split()]
    texts, top = _wrap(title, left=left, top=top, right=right, bold=True)
    right_of_labels = left + max((_width(row.label, False) for row in section.rows), default=0) + GAP
    for row in section.rows:
        texts.append(Text(left, top, row.label, FAINT, bold=False))
        placed, top = _wrap(row.words, left=right_of_labels, top=top, right=right)
        texts += placed
    return texts, top


def _wrap(
    words: Iterable[MarkedWord], *, left: float, top: float, right: float, bold: bool = False
) -> tuple[list[Text], float]:
    """Place words from left to right, line below line; return them, and where the last line ends."""
    x, texts = left, []
    for word in words:
        text = on_one_line(word.text)
        width = _width(text, bold or word.changed)
        if x > left and x + width > right:
            x, top = left, top + LINE
        texts.append(Text(x, top, text, CHANGED if word.changed else INK, bold or word.changed))
        x += width + _width(" ", False)
    return texts, top + LINE


@lru_cache(4096)
def _width(text: str, bold: bool) -> float:
    """Return a text's width in pixels; captions of an image share most of their words."""
    return font(FONT_SIZE, bold=bold).getlength(text)
