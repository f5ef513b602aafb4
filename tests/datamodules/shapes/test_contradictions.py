"""Contradictions against brute force: every scene of a small world, and many scenes of the whole one."""

import random
from collections.abc import Iterable, Iterator
from itertools import combinations, permutations, product

import numpy as np
import pytest

from datamodules.shapes.claims import BackgroundClaim, Claims, ObjectClaim, RelationClaim, is_true, lies
from datamodules.shapes.contradictions import contradict
from datamodules.shapes.grammar import captions_at
from datamodules.shapes.parser import parse
from datamodules.shapes.scene import PLACES, Background, Scene, SceneObject, scene_at

BACKGROUND = Background("dark", "plain")
# Captions speak of two shapes and two colours; the third of each stands for all that they do not speak of.
SHAPES, COLOURS = ("circle", "star", "cross"), ("red", "blue", "green")


def _read(caption: str) -> Claims:
    claims = parse(caption)
    assert claims is not None
    return claims


def _all_scenes() -> Iterator[Scene]:
    for num in (1, 2, 3):
        for cells, looks in product(combinations(PLACES, num), permutations([*product(SHAPES, COLOURS)], num)):
            objects = (SceneObject(*look, "large", place) for look, place in zip(looks, cells, strict=True))
            yield Scene(tuple(objects), BACKGROUND)


SMALL_WORLD = [
    "circle",
    "red circle",
    "blue star red star",
    "red circle red circle",
    "red circle red star circle",
    "red circle blue circle",
    "we see one shape a star on a dark background",
    "we see two shapes a circle",
    "we see three shapes a circle and a circle and a red circle",
    "circle in the top left and star in the center",
    "in the top left a red circle and in the top right a blue star",
    "a star at the left and a star at the right",
    "star in the upper left",
    "the red circle is alone",
    "the red circle is above the blue star",
    "the blue star is above the red circle",
    "the circle is left of the circle",
    "the star is left of the red circle and right of the blue circle",
    "the red star is above the circle and above the star",
    "the circle in the top left is right of the star",
]


@pytest.mark.slow
def test_every_scene_of_a_small_world_agrees() -> None:
    claims = [*map(_read, SMALL_WORLD)]
    scenes = [*_all_scenes()]
    truth_CS = np.array([[is_true(of_caption, scene) for scene in scenes] for of_caption in claims])
    together_CC = (truth_CS[:, None] & truth_CS[None]).any(axis=2)
    found_CC = np.array([[not contradict(one, other) for other in claims] for one in claims])
    wrong = [(SMALL_WORLD[i], SMALL_WORLD[j]) for i, j in np.argwhere(together_CC != found_CC)]
    assert wrong == []
    assert 0.2 < together_CC.mean() < 0.8


def _random_claims(draw: random.Random, scene: Scene) -> Claims:
    """Return claims that are true of a scene, each of its facts stated or left out."""
    objects = draw.sample(scene.objects, draw.randint(1, len(scene.objects)))

    def some(values: Iterable[str]) -> list[str | None]:
        return [value if draw.random() < 0.6 else None for value in values]

    pairs = product(permutations(range(len(objects)), 2), ("left", "right", "above", "below"))
    return Claims(
        tuple(ObjectClaim(*some([thing.shape, thing.colour, thing.size, thing.place])) for thing in objects),
        BackgroundClaim(*some(scene.background)),
        tuple(
            RelationClaim(i, relation, j)
            for (i, j), relation in pairs
            if lies(objects[i].place, relation, objects[j].place) and draw.random() < 0.5
        ),
        len(scene.objects) if draw.random() < 0.4 else None,
    )


def test_what_is_true_of_one_scene_never_contradicts() -> None:
    draw = random.Random(0)
    for index in range(300):
        scene = scene_at(5, index)
        claims = [*map(_read, captions_at(5, index)), *(_random_claims(draw, scene) for _ in range(4))]
        assert all(is_true(of_caption, scene) for of_caption in claims)
        assert not any(contradict(one, other) for one, other in combinations(claims, 2))


def test_captions_of_different_scenes_that_one_scene_fits_do_not_contradict() -> None:
    """Found contradictions hold in all of many scenes; most captions of two scenes contradict, and not all."""
    scenes = [scene_at(6, index) for index in range(2000)]
    short = [[_read(caption) for caption in captions_at(6, index)[:3:2]] for index in range(40)]
    claims = [of_caption for of_scene in short for of_caption in of_scene]
    truth_CS = np.array([[is_true(of_caption, scene) for scene in scenes] for of_caption in claims])
    fits_CC = (truth_CS[:, None] & truth_CS[None]).any(axis=2)
    found_CC = np.array([[contradict(one, other) for other in claims] for one in claims])
    assert not (fits_CC & found_CC).any()
    assert (found_CC == found_CC.T).all()
    assert 0.2 < found_CC.mean() < 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("red circle on a dark background", "red circle on a light background"),
        ("we see two shapes a red circle", "we see three shapes a red circle"),
        ("the red circle is alone", "blue star"),
        ("red circle blue star", "green cross yellow square"),
        ("a large red circle", "small red circle"),  # looks are unique, but only where both are told
        ("red circle at the top", "red circle at the bottom"),
        ("a red circle in the top left", "the red circle is right of the blue star"),
        ("the red circle is above the blue star", "the blue star is above the red circle"),
        ("red circle red circle", "blue star"),  # no scene has two objects of one look
    ],
)
def test_what_contradicts(one: str, other: str) -> None:
    assert contradict(_read(one), _read(other))
    assert contradict(_read(other), _read(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a large circle", "small circle"),
        ("red circle at the top", "circle at the bottom"),
        ("red circle blue star", "green cross"),
        ("a star at the left", "the star is left of the star"),
        ("circle circle", "the red circle is below the star"),
        ("a red circle on a dark background", "a blue star on a plain background"),
    ],
)
def test_what_fits_together(one: str, other: str) -> None:
    assert not contradict(_read(one), _read(other))
    assert not contradict(_read(other), _read(one))
