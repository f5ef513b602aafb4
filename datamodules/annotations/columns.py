"""Which columns, or fields, of rows hold the image, its captions and its split."""

import re
from collections.abc import Iterable
from typing import NamedTuple

ID_FIELD = "image_id"
IMAGE_FIELDS = (ID_FIELD, "img_id", "image", "image_name", "image_path", "file_name", "filename")
CAPTION_FIELDS = ("caption", "captions", "comment", "text")
NUMBERED_CAPTION = re.compile(r"captions?[_ ]?\d+")
SPLIT_FIELD = "split"
HOW_TO_NAME = "name the columns by data.columns, or by --image-column and --caption-column of score.py"


class Columns(NamedTuple):
    """The names of columns; those that are left out are found by their usual names.

    Attributes:
        image: That of the image's file name or number.
        captions: Those of captions: each one caption, or a list.
        split: That of the split.
    """

    image: str | None = None
    captions: tuple[str, ...] = ()
    split: str | None = None

    def images_of(self, names: Iterable[str]) -> list[str]:
        """Return those of `names` that hold the image, its number first."""
        names = {*names}
        return [name for name in ((self.image,) if self.image else IMAGE_FIELDS) if name in names]

    def captions_of(self, names: Iterable[str]) -> list[str]:
        """Return those of `names` that hold captions: one of the usual ones, or "caption_0", "caption_1", …"""
        names = [*names]
        if self.captions:
            return [name for name in self.captions if name in names]
        plain = next((name for name in CAPTION_FIELDS if name in names), None)
        numbered = [name for name in names if NUMBERED_CAPTION.fullmatch(name)]
        return numbered if plain is None else [plain, *numbered]

    @property
    def split_field(self) -> str:
        """The column of the split, which rows need not have."""
        return self.split or SPLIT_FIELD


USUAL = Columns()
"""Columns by their usual names."""
