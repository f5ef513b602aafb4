"""Reads a caption back into what it claims.

    caption    = listing | relational
    listing    = [opening] [count ["namely"]] object {[joiner] object} [background]
    relational = object "is" ("alone" | relation object {joiner relation object})
    object     = place [verb] look | look [verb] [place]
    look       = [article] [size] [colour] shape
    background = ("on a" | "against a") ([tone] [pattern] | pattern tone) "background"

Strict: every word must be read, in lower case. But free in what it combines: a caption that mixes the styles of
`grammar.py` still claims what it says.
"""

from collections.abc import Container
from typing import TypeVar

from datamodules.shapes import lexicon
from datamodules.shapes.claims import BackgroundClaim, Claims, ObjectClaim, RelationClaim

Meaning = TypeVar("Meaning")

SHAPE_OF = lexicon.meanings(lexicon.SHAPES)
COLOUR_OF = lexicon.meanings(lexicon.COLOURS)
SIZE_OF = lexicon.meanings(lexicon.SIZES)
PLACE_OF = lexicon.meanings(lexicon.PLACES)
TONE_OF = lexicon.meanings(lexicon.TONES)
PATTERN_OF = lexicon.meanings(lexicon.PATTERNS)
RELATION_OF = lexicon.meanings(lexicon.RELATIONS)
COUNT_OF = lexicon.meanings(lexicon.COUNTS)


class _Reader:
    """Reads a caption phrase by phrase."""

    def __init__(self, caption: str) -> None:
        self.words = caption.split()
        self.position = 0

    @property
    def at_end(self) -> bool:
        return self.position == len(self.words)

    def take(self, meaning_of: dict[str, Meaning]) -> Meaning | None:
        """Read the longest phrase of the table that comes next and return its meaning; None if there is none."""
        phrase = self._read(meaning_of)
        return None if phrase is None else meaning_of[phrase]

    def skip(self, phrases: Container[str]) -> bool:
        """Read one of the phrases if it comes next, and return whether it did."""
        return self._read(phrases) is not None

    def _read(self, phrases: Container[str]) -> str | None:
        longest = min(lexicon.LONGEST_PHRASE, len(self.words) - self.position)
        for length in range(longest, 0, -1):
            phrase = " ".join(self.words[self.position : self.position + length])
            if phrase in phrases:
                self.position += length
                return phrase
        return None


def parse(caption: str) -> Claims | None:
    """Return what the caption claims, or None where it is no caption of the grammar."""
    for form in (_listing, _relational):
        reader = _Reader(caption)
        claims = form(reader)
        if claims is not None and reader.at_end:
            return claims
    return None


def _listing(reader: _Reader) -> Claims | None:
    reader.skip(lexicon.OPENINGS)
    count = reader.take(COUNT_OF)
    if count is not None:
        reader.skip(lexicon.COUNTED)
    objects = []
    joined = True
    while (thing := _object(reader)) is not None:
        objects.append(thing)
        joined = reader.skip(lexicon.JOINERS)
    if joined:  # no object at all, or none after the last joiner
        return None
    return Claims(tuple(objects), _background(reader), num_objects=count)


def _relational(reader: _Reader) -> Claims | None:
    subject = _object(reader)
    if subject is None or not reader.skip(lexicon.IS):
        return None
    if reader.skip(lexicon.ALONE):
        return Claims((subject,), num_objects=1)
    objects, relations = [subject], []
    joined = True
    while joined:
        relation, other = reader.take(RELATION_OF), _object(reader)
        if relation is None or other is None:
            return None
        relations.append(RelationClaim(0, relation, len(objects)))
        objects.append(other)
        joined = reader.skip(lexicon.JOINERS)
    return Claims(tuple(objects), relations=tuple(relations))


def _object(reader: _Reader) -> ObjectClaim | None:
    """Read an object; where none comes next, read nothing and return None."""
    start = reader.position
    place = reader.take(PLACE_OF)
    if place is not None:
        reader.skip(lexicon.VERBS)
    reader.skip(lexicon.ARTICLES)
    size, colour, shape = reader.take(SIZE_OF), reader.take(COLOUR_OF), reader.take(SHAPE_OF)
    if shape is None:
        reader.position = start
        return None
    if place is None:
        reader.skip(lexicon.VERBS)
        place = reader.take(PLACE_OF)
    return ObjectClaim(shape, colour, size, place)


def _background(reader: _Reader) -> BackgroundClaim:
    """Read the background; where none comes next, read nothing and claim nothing."""
    start = reader.position
    if reader.skip(lexicon.BEFORE_BACKGROUND):
        tone, pattern = reader.take(TONE_OF), reader.take(PATTERN_OF)
        claim = BackgroundClaim(reader.take(TONE_OF) if tone is None else tone, pattern)
        if reader.skip(lexicon.AFTER_BACKGROUND):
            return claim
    reader.position = start
    return BackgroundClaim()
