"""Answers as HTML; whatever captions, sentences and names contain is shown as text.

Shape legend: H rows, W columns, L words.
"""

import math
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, NamedTuple
from zlib import crc32

import torch
from torch import Tensor

from demonstration.answers import Picture, SentencePicture
from drawing.pipeline import Drawings
from lightning_modules.results.explained_captions import ExplainedCaption
from pictures.changed_words import changed_words
from pictures.pages.overlay import overlay, relative_heat
from pictures.pages.templates import templates_of

SIDE = 224  # pixels of a picture with attention over it
ROWS, COLUMNS = ("top", "middle", "bottom"), ("left", "middle", "right")


class ShownWord(NamedTuple):
    """A word of a caption.

    Attributes:
        text: The word.
        spaced: Whether there is a space before it.
    """

    text: str
    spaced: bool


class Look(NamedTuple):
    """Where the model looked before a word.

    Attributes:
        image_3HW: The picture with the attention over it.
        place: Where it was strongest, in words.
    """

    image_3HW: Tensor
    place: str


def show_hint(text: str) -> str:
    """Return what is to be done, or is to be seen, in a sentence."""
    return _render("hint", text)


def show_problem(problem: ValueError | str) -> str:
    """Return why something did not work; screen readers say it at once."""
    return _render("problem", str(problem))


def show_captions(greedy: ExplainedCaption, diverse: Sequence[ExplainedCaption]) -> str:
    """Return the greedy caption, and a table of others."""
    return _render("described", greedy, diverse)


def show_words(picture: Picture, caption: ExplainedCaption) -> str:
    """Return a caption to step through, each word with the picture and the attention before it."""
    # Gradio changes elements into those that take their place, and would keep another caption's word chosen: an element
    # of another name is replaced
    element = f"words-{crc32(repr(caption).encode()):x}"
    return _render("attended", caption, _looks(picture.image_3HW, caption), element)


def show_styled(title: str, own: ExplainedCaption, styled: ExplainedCaption) -> str:
    """Return a caption in its own style and in another, words marked that are new in it."""
    changed = changed_words(*([word.text for word in words_of(caption)] for caption in (own, styled)))
    return _render("compared", title, own, styled, changed)


def show_constrained(words: str, captions: Sequence[ExplainedCaption]) -> str:
    """Return captions that contain words, which commas separate; those are marked."""
    asked_for = {word.casefold() for phrase in words.split(",") for word in phrase.split()}
    marks = [_places(caption, asked_for) for caption in captions]
    return _render("table", "The likeliest captions with these words", captions, marks)


def show_picture(picture: Picture, answer: SentencePicture) -> str:
    """Return a picture beside the one that was reconstructed from a sentence."""
    return _render("pictured", picture, answer)


def show_drawings(drawings: Drawings) -> str:
    """Return pictures that were drawn of a sentence, each with how likely the sentence is, given it."""
    assert drawings.scores is not None
    pictures = [*zip(drawings.images_M3HW.cpu(), drawings.scores, strict=True)]
    return _render("drawn", drawings.prompt, pictures)


def words_of(caption: ExplainedCaption) -> list[ShownWord]:
    """Return the words of a caption, its end left out; what stands between spaces, of a model that tells no words."""
    if caption.words:
        return [ShownWord(word.text, word.spaced) for word in caption.words if word.text]
    return [ShownWord(word, True) for word in caption.caption.split()]


def chance(log_probability: float) -> str:
    """Return a probability of a whole caption in percent, with two digits where it is small."""
    percent = 100 * math.exp(log_probability)
    if percent < 0.01:
        return "below 0.01 %"
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.2g} %"


def place_of(attention_HW: Tensor) -> str:
    """Return in which ninth of the picture attention is strongest."""
    rows, columns = attention_HW.shape
    row, column = divmod(int(attention_HW.argmax()), columns)
    place = ROWS[min(3 * row // rows, 2)], COLUMNS[min(3 * column // columns, 2)]
    return "centre" if place == ("middle", "middle") else " ".join(part for part in place if part != "middle")


def _places(caption: ExplainedCaption, words: Collection[str]) -> set[int]:
    return {place for place, word in enumerate(words_of(caption)) if word.text.casefold() in words}


def _looks(image_3HW: Tensor, caption: ExplainedCaption) -> list[Look]:
    """Return where the model looked before each word; nothing for a model that cannot tell."""
    attention = [word.attention_HW for word in caption.words if word.attention_HW is not None]
    if not attention:
        return []
    heat_LHW = relative_heat(torch.stack(attention))
    return [
        Look(overlay(image_3HW, heat_HW, SIDE), place_of(weights_HW))
        for heat_HW, weights_HW in zip(heat_LHW, attention, strict=True)
    ]


def _render(macro: str, *values: Any) -> str:
    return str(getattr(_templates(), macro)(*values)).strip()


@cache
def _templates() -> Any:
    environment = templates_of("demonstration")
    environment.filters |= {"parts": words_of, "chance": chance}
    return environment.get_template("answers.html.j2").module
