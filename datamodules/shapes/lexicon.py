"""Every word that captions of scenes are made of: the grammar writes with it and the parser reads with it.

Each table gives, for a meaning, the phrases that say it; the first is the canonical one. No phrase has two meanings
within a table. The grammar's templates spell out "a", "an", "the", "and", "is" and "namely": names would hide the
sentence.
"""

from collections.abc import Mapping
from typing import TypeVar

Meaning = TypeVar("Meaning")

SHAPES = {
    "circle": ("circle", "disc"),
    "square": ("square", "box"),
    "triangle": ("triangle",),
    "star": ("star",),
    "cross": ("cross", "plus"),
}
COLOURS = {
    "red": ("red", "crimson"),
    "orange": ("orange",),
    "yellow": ("yellow", "golden"),
    "green": ("green",),
    "cyan": ("cyan", "turquoise"),
    "blue": ("blue",),
    "purple": ("purple", "violet"),
}
SIZES = {"large": ("large", "big"), "small": ("small", "little")}
PLACES = {
    "top left": ("in the top left", "at the top left", "in the upper left"),
    "top": ("at the top", "near the top", "at the top middle"),
    "top right": ("in the top right", "at the top right", "in the upper right"),
    "left": ("on the left", "at the left", "on the left side"),
    "center": ("in the center", "in the middle", "at the center"),
    "right": ("on the right", "at the right", "on the right side"),
    "bottom left": ("in the bottom left", "at the bottom left", "in the lower left"),
    "bottom": ("at the bottom", "near the bottom", "at the bottom middle"),
    "bottom right": ("in the bottom right", "at the bottom right", "in the lower right"),
}
TONES = {"dark": ("dark",), "grey": ("grey",), "light": ("light",)}
PATTERNS = {"plain": ("plain",), "striped": ("striped",), "checkered": ("checkered",), "dotted": ("dotted",)}
RELATIONS = {
    "left": ("to the left of", "left of"),
    "right": ("to the right of", "right of"),
    "above": ("above", "over"),
    "below": ("below", "under"),
}
COUNTS = {1: ("one shape",), 2: ("two shapes",), 3: ("three shapes",)}

# What claims nothing by itself, except that ALONE claims a count of one.
ARTICLES = ("a", "an", "the")
OPENINGS = ("we see", "here we have")
COUNTED = ("namely",)
JOINERS = ("and", "with")
IS = ("is",)
ALONE = ("alone", "by itself")
VERBS = ("there is", "there sits")
BEFORE_BACKGROUND = ("on a", "against a")
AFTER_BACKGROUND = ("background", "backdrop")

LONGEST_PHRASE = 4  # words


def meanings(table: Mapping[Meaning, tuple[str, ...]]) -> dict[str, Meaning]:
    """Return the meaning of each phrase of a table."""
    return {phrase: meaning for meaning, phrases in table.items() for phrase in phrases}
