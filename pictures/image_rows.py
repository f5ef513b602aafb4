"""Images one below the other as one picture: beside each what a model makes of it, and captions."""

from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image
from torch import Tensor

from pictures.captioned_image import IMAGE_SIDE, LINE, MARGIN, PAPER, Section, lay_out, paste, write
from pictures.pixels import from_picture

CAPTIONS = 700  # pixels of their column


class ImageRow(NamedTuple):
    """A row of the picture.

    Attributes:
        images: Each with its title: `uint8` or floating-point numbers in [0, 1], square.
        sections: Captions to the right of them.
    """

    images: Sequence[tuple[str, Tensor]]
    sections: Sequence[Section] = ()


def draw_image_rows(rows: Sequence[ImageRow]) -> Tensor:
    """Draw rows of equally many images; `uint8`, [3, H, W]."""
    left = MARGIN + len(rows[0].images) * (IMAGE_SIDE + MARGIN)
    right = left + CAPTIONS if any(row.sections for row in rows) else left - MARGIN
    texts, places, top = [], [], float(MARGIN)
    for row in rows:
        for column, (title, image_3HW) in enumerate(row.images):
            x = MARGIN + column * (IMAGE_SIDE + MARGIN)
            texts += lay_out(Section(title, []), left=x, top=top, right=x + IMAGE_SIDE + MARGIN)[0]
            places.append((image_3HW, (x, round(top) + LINE)))
        bottom = top
        for section in row.sections:
            more, bottom = lay_out(section, left=left, top=bottom, right=right)
            texts += more
        top = max(bottom, top + LINE + IMAGE_SIDE) + MARGIN
    picture = Image.new("RGB", (right + MARGIN, round(top)), PAPER)
    for image_3HW, place in places:
        paste(picture, image_3HW, place)
    write(picture, texts)
    return from_picture(picture)
