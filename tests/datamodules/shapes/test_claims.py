"""Truth and coverage of hand-written captions of a hand-made scene."""

import pytest

from datamodules.shapes.claims import Claims, Fact, facts, facts_stated, is_true
from datamodules.shapes.parser import parse
from datamodules.shapes.scene import Background, Scene, SceneObject

SCENE = Scene(
    objects=(
        SceneObject("circle", "red", "large", "top left"),
        SceneObject("circle", "blue", "small", "center"),
        SceneObject("star", "blue", "small", "bottom"),
    ),
    background=Background("dark", "striped"),
)


def read(caption: str) -> Claims:
    claims = parse(caption)
    assert claims is not None
    return claims


TRUE = [
    "red circle",
    "blue star red circle",
    "circle circle",
    "star blue circle and circle",
    "we see three shapes a big disc and a little star on a dark background",
    "a large red circle in the top left and a small blue circle at the center",
    "the red circle is above the blue star",
    "the red circle is left of the blue star",
    "the star is below the blue circle and to the right of the red circle",
    "the circle is below the circle",
    "a small star on a striped backdrop",
]

FALSE = [
    "green circle",
    "red star",
    "red circle red circle",
    "star star",
    "circle circle circle",
    "red circle blue circle blue star circle",
    "we see two shapes a red circle and a blue star",
    "a small red circle",
    "a red circle at the top",
    "a red circle on a light background",
    "a red circle on a dark plain background",
    "the red circle is alone",
    "the star is above the blue circle",
    "the star is left of the blue circle",
    "the blue circle is to the left of the star",
    "the star is below the star",
    "the star is below the blue circle and above the red circle",
]


@pytest.mark.parametrize("caption", TRUE)
def test_true(caption: str) -> None:
    assert is_true(read(caption), SCENE)


@pytest.mark.parametrize("caption", FALSE)
def test_false(caption: str) -> None:
    assert not is_true(read(caption), SCENE)
    assert facts_stated(read(caption), SCENE) == frozenset()


def test_facts_are_four_an_object_and_two_of_the_background() -> None:
    assert len(facts(SCENE)) == 14
    assert Fact(2, "place") in facts(SCENE)
    assert Fact(None, "pattern") in facts(SCENE)


STATED = [
    ("red circle", {(0, "colour"), (0, "shape")}),
    ("a large circle in the upper left", {(0, "size"), (0, "shape"), (0, "place")}),
    ("star on a dark background", {(2, "shape"), (None, "tone")}),
    ("the blue star is below the red circle", {(2, "colour"), (2, "shape"), (0, "colour"), (0, "shape")}),
    ("circle", set()),  # which one is not said
    ("circle circle", {(0, "shape"), (1, "shape")}),  # both, whichever is which
    ("the circle is below the circle", {(0, "shape"), (1, "shape")}),
    ("the star is below the circle", {(2, "shape")}),
]


@pytest.mark.parametrize(("caption", "stated"), STATED)
def test_facts_stated(caption: str, stated: set[tuple[int | None, str]]) -> None:
    assert facts_stated(read(caption), SCENE) == stated
