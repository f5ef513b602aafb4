"""A row of a file of captions, and what its cells hold."""

import ast
import json
from typing import NamedTuple

from datamodules.annotations.fields import caption_text


class CaptionRow(NamedTuple):
    """A row of a file: an image and some of its captions.

    Attributes:
        where: The file and the row, for errors.
        names: What the row calls its image, its number first; at least one.
        captions: At least one.
        like_results: Whether it is as in COCO's results: one caption of an "image_id".
        split: The part of the data set; None where the row does not say.
    """

    where: str
    names: tuple[str, ...]
    captions: list[str]
    like_results: bool
    split: str | None = None


def captions_in(value: object, where: str) -> list[str]:
    """Return the captions that a field holds: text, a list of it, or a list of `{"caption": …}`.

    Raises:
        ValueError: It is none of these, or an empty list.
    """
    several = value if isinstance(value, list) else [value]
    if not several:
        raise ValueError(f"{where}: expected at least one caption, got an empty list; add one or remove the row")
    texts = (one["caption"] if isinstance(one, dict) and "caption" in one else one for one in several)
    return [caption_text(text, where) for text in texts]


def captions_in_cell(text: str) -> list[str]:
    """Return the captions that a cell of a table holds: its text, or a list of them as JSON or Python writes it."""
    text = text.strip()
    if not (text.startswith(('["', "['")) and text.endswith("]")):
        return [text]
    for parse in (json.loads, ast.literal_eval):
        try:
            several = parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(several, list) and several and all(isinstance(one, str) for one in several):
            return several
    return [text]
