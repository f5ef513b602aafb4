"""Captions read back into claims."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodules.shapes import lexicon, scene
from datamodules.shapes.claims import BackgroundClaim, Claims, ObjectClaim, RelationClaim
from datamodules.shapes.parser import parse

RED_CIRCLE, BLUE_SQUARE = ObjectClaim("circle", "red"), ObjectClaim("square", "blue")

READ = [
    ("circle", Claims((ObjectClaim("circle"),))),
    ("red circle blue box", Claims((RED_CIRCLE, BLUE_SQUARE))),
    ("a crimson disc and a blue square", Claims((RED_CIRCLE, BLUE_SQUARE))),
    (
        "in the top left there sits a large red circle and at the bottom a blue square on a dark striped background",
        Claims(
            (ObjectClaim("circle", "red", "large", "top left"), ObjectClaim("square", "blue", None, "bottom")),
            BackgroundClaim("dark", "striped"),
        ),
    ),
    (
        "a large red circle there is at the top left with a small blue square near the bottom",
        Claims((ObjectClaim("circle", "red", "large", "top left"), ObjectClaim("square", "blue", "small", "bottom"))),
    ),
    ("a big red circle on the left", Claims((ObjectClaim("circle", "red", "large", "left"),))),
    ("we see two shapes namely a red circle blue square", Claims((RED_CIRCLE, BLUE_SQUARE), num_objects=2)),
    ("we see two shapes a red circle blue square", Claims((RED_CIRCLE, BLUE_SQUARE), num_objects=2)),
    ("red circle on a dotted backdrop", Claims((RED_CIRCLE,), BackgroundClaim(pattern="dotted"))),
    ("red circle on a plain grey background", Claims((RED_CIRCLE,), BackgroundClaim("grey", "plain"))),
    ("the red circle is by itself", Claims((RED_CIRCLE,), num_objects=1)),
    (
        "the red circle is to the left of the blue square and below the star",
        Claims(
            (RED_CIRCLE, BLUE_SQUARE, ObjectClaim("star")),
            relations=(RelationClaim(0, "left", 1), RelationClaim(0, "below", 2)),
        ),
    ),
    # Mixed styles still claim what they say.
    ("red circle there is with a blue square at the top", Claims((RED_CIRCLE, BLUE_SQUARE._replace(place="top")))),
]

UNREADABLE = [
    "",
    "a large red",
    "a red circle a",
    "a red circle and",
    "a red circle in the",
    "a red circle in the top left corner",
    "a red circle there",
    "in the top left",
    "in the top left a red circle in the top left",
    "in the top left a red circle there sits",
    "namely a red circle",
    "a red circle on a grey plain dark background",
    "a red circle on a dark",
    "a red circle, a blue square",
    "A red circle",
    "circle red",
    "two shapes",
    "on a dark striped background",
    "the red circle is",
    "the red circle is above",
    "the red circle is above the blue square and",
    "the red circle is alone the blue square",
    "a red red circle",
    "a red circle on a dark striped background on a dark striped background",
]


@pytest.mark.parametrize(("caption", "claims"), READ)
def test_reads(caption: str, claims: Claims) -> None:
    assert parse(caption) == claims


@pytest.mark.parametrize("caption", UNREADABLE)
def test_refuses(caption: str) -> None:
    assert parse(caption) is None


def test_lexicon_says_everything_a_scene_can_hold() -> None:
    assert tuple(lexicon.SHAPES) == scene.SHAPES
    assert tuple(lexicon.COLOURS) == scene.COLOURS
    assert tuple(lexicon.SIZES) == scene.SIZES
    assert tuple(lexicon.PLACES) == scene.PLACES
    assert tuple(lexicon.TONES) == scene.TONES
    assert tuple(lexicon.PATTERNS) == scene.PATTERNS
    assert tuple(lexicon.COUNTS) == tuple(range(1, scene.MAX_OBJECTS + 1))


def test_lexicon_is_unambiguous_and_no_phrase_too_long() -> None:
    tables: list[Mapping[Any, tuple[str, ...]]] = [
        lexicon.SHAPES,
        lexicon.COLOURS,
        lexicon.SIZES,
        lexicon.PLACES,
        lexicon.TONES,
        lexicon.PATTERNS,
        lexicon.RELATIONS,
        lexicon.COUNTS,
    ]
    for table in tables:
        phrases = [phrase for options in table.values() for phrase in options]
        assert len(set(phrases)) == len(phrases)
        assert max(len(phrase.split()) for phrase in phrases) <= lexicon.LONGEST_PHRASE


TABLES = (
    lexicon.SHAPES, lexicon.COLOURS, lexicon.SIZES, lexicon.PLACES, lexicon.TONES, lexicon.PATTERNS, lexicon.RELATIONS,
    lexicon.COUNTS,
)  # fmt: skip
PHRASES = [
    *(phrase for table in TABLES for phrases in table.values() for phrase in phrases),
    *(*lexicon.ARTICLES, *lexicon.OPENINGS, *lexicon.JOINERS, *lexicon.IS, *lexicon.ALONE, *lexicon.VERBS),
    *(*lexicon.BEFORE_BACKGROUND, *lexicon.AFTER_BACKGROUND),
]


@given(st.lists(st.one_of(st.sampled_from(PHRASES), st.text(max_size=4)), max_size=12).map(" ".join))
def test_any_words_are_read_or_refused(caption: str) -> None:
    claims = parse(caption)
    assert claims == parse(f"  {caption}  ")
    if claims is not None:
        assert claims.objects
        assert len(claims.objects) <= len(caption.split())
