"""Every word that captions of scenes are made of: the grammar writes with it and the parser reads with it.

Each table gives, for a meaning, the phrases that say it; the first is the canonical one. No phrase has two meanings
within a table. The grammar's templates spell out "a", "the", "and", "with" and "is": names would hide the sentence.
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
    "top left": ("at top left", "in the top left", "at the upper left"),
    "top": ("at top", "at the top", "near the top"),
    "top right": ("at top right", "in the top right", "at the upper right"),
    "left": ("at left", "on the left", "at the left"),
    "center": ("at center", "in the center", "at the middle"),
    "right": ("at right", "on the right", "at the right"),
    "bottom left": ("at bottom left", "in the bottom left", "at the lower left"),
    "bottom": ("at bottom", "at the bottom", "near the bottom"),
    "bottom right": ("at bottom right", "in the bottom right", "at the lower right"),
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
ARTICLES = ("a", "the")
OPENINGS = ("we see", "here we have")
JOINERS = ("and", "with")
IS = ("is",)
ALONE = ("alone", "by itself")
VERBS = ("rests quietly", "rests calmly")
BEFORE_BACKGROUND = ("on a", "against a")
AFTER_BACKGROUND = ("background", "backdrop")

LONGEST_PHRASE = 4  # words


def meanings(table: Mapping[Meaning, tuple[str, ...]]) -> dict[str, Meaning]:
    """Return the meaning of each phrase of a table."""
    return {phrase: meaning for meaning, phrases in table.items() for phrase in phrases}
