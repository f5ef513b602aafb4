"""Images of several prompts as one picture, each prompt above its images, and a label below each image."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw
from torch import Tensor

from metrics.words import on_one_line
from pictures.fonts import font
from pictures.pixels import to_picture

SIDE = 144  # pixels that an image has at least
MOST_COLUMNS = 8
LEAST_WIDTH = 420
MARGIN, GAP = 16, 10
TITLE_SIZE, TITLE_LINE = 17, 24
LABEL_SIZE, LABEL_LINE = 13, 22
PAPER, INK, FAINT = "#ffffff", "#202124", "#6b7075"


class LabelledImage(NamedTuple):
    """An image, `uint8` or in [0, 1], and a few letters below it."""

    image_3HW: Tensor
    label: str


class SheetRow(NamedTuple):
    """Images under a title."""

    title: str
    images: Sequence[LabelledImage]


def draw_sheet(rows: Sequence[SheetRow]) -> Image.Image:
    """Return one picture; small images are enlarged by whole pixels.

    Raises:
        ValueError: There is no image.
    """
    images = [image for row in rows for image in row.images]
    if not images:
        raise ValueError("expected images to show, got none")
    side = _side(images[0].image_3HW.shape[-1])
    columns = min(max(len(row.images) for row in rows), MOST_COLUMNS)
    width = max(2 * MARGIN + columns * (side + GAP) - GAP, LEAST_WIDTH)
    blocks = [_block(row, columns, side, width) for row in rows]
    sheet = Image.new("RGB", (width, MARGIN + sum(block.height for block in blocks)), PAPER)
    top = MARGIN
    for block in blocks:
        sheet.paste(block, (0, top))
        top += block.height
    return sheet


def _block(row: SheetRow, columns: int, side: int, width: int) -> Image.Image:
    """Return a title with its images, as wide as the sheet."""
    lines = [*_lines(row.title, width - 2 * MARGIN)]
    lines_of_images = -(-len(row.images) // columns)
    top = len(lines) * TITLE_LINE + 4
    block = Image.new("RGB", (width, top + lines_of_images * (side + LABEL_LINE + GAP) + MARGIN), PAPER)
    draw = ImageDraw.Draw(block)
    for number, line in enumerate(lines):
        draw.text((MARGIN, number * TITLE_LINE), line, fill=INK, font=font(TITLE_SIZE, bold=True))
    for place, image in enumerate(row.images):
        row_of_images, column = divmod(place, columns)
        x, y = MARGIN + column * (side + GAP), top + row_of_images * (side + LABEL_LINE + GAP)
        enlarged = to_picture(image.image_3HW).resize((side, side), Image.Resampling.NEAREST)
        block.paste(enlarged, (x, y))
        draw.text((x, y + side + 3), image.label, fill=FAINT, font=font(LABEL_SIZE))
    return block


def _side(size: int) -> int:
    """Return how large images are shown: a multiple of their own size."""
    return size * math.ceil(SIDE / size)


def _lines(text: str, width: float) -> Iterator[str]:
    """Yield a text's lines, each as long as the width allows."""
    letters, line = font(TITLE_SIZE, bold=True), ""
    for word in on_one_line(text).split():
        longer = f"{line} {word}".strip()
        if line and letters.getlength(longer) > width:
            yield line
            longer = word
        line = longer
    yield line
