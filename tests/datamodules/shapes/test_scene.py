"""Scenes and draws: functions of their key alone."""

import hashlib

import pytest

from datamodules.shapes.draws import Draws
from datamodules.shapes.scene import PLACES, Background, Scene, SceneObject, cell_of, scene_at


def test_scenes_are_the_same_in_every_process() -> None:
    # Worked out once, in another process. A change here changes the data set: results no longer compare.
    assert scene_at(42, 0) == Scene(
        objects=(
            SceneObject("star", "purple", "small", "top right", (-0.946441650390625, 0.39569091796875)),
            SceneObject("triangle", "yellow", "small", "bottom right", (-0.9290924072265625, 0.4802703857421875)),
        ),
        background=Background("dark", "dotted"),
    )
    text = repr([scene_at(7, index) for index in range(1000)])
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "7438f16d23ee01b5"


def test_scenes_do_not_depend_on_order() -> None:
    forwards = [scene_at(7, index) for index in range(100)]
    assert [scene_at(7, index) for index in reversed(range(100))] == forwards[::-1]


def test_seeds_and_indices_give_different_scenes() -> None:
    scenes = {scene_at(seed, index) for seed in range(20) for index in range(50)}
    assert len(scenes) == 1000


def test_objects_differ_and_come_in_reading_order() -> None:
    for index in range(2000):
        objects = scene_at(3, index).objects
        cells = [PLACES.index(thing.place) for thing in objects]
        assert cells == sorted(set(cells))
        assert len({(thing.shape, thing.colour) for thing in objects}) == len(objects)


def test_numbers_of_objects_are_equally_frequent() -> None:
    counts = [len(scene_at(5, index).objects) for index in range(3000)]
    for count in (1, 2, 3):
        assert counts.count(count) == pytest.approx(1000, abs=5 * 26)  # 5 standard deviations of the binomial


@pytest.mark.parametrize(("place", "cell"), [("top left", (0, 0)), ("center", (1, 1)), ("bottom", (2, 1))])
def test_cell_of(place: str, cell: tuple[int, int]) -> None:
    assert cell_of(place) == cell


def test_draws_are_uniform_and_within_bounds() -> None:
    faces = [Draws("die", index).below(6) for index in range(6000)]
    assert all(faces.count(face) == pytest.approx(1000, abs=5 * 29) for face in range(6))
    offsets = [Draws("offset", index).uniform() for index in range(1000)]
    assert -1 <= min(offsets) < -0.95
    assert 0.95 < max(offsets) < 1


def test_draws_refuse_to_run_dry() -> None:
    draws = Draws("long", 0)
    for _ in range(7):
        draws.below(1 << 60)
    with pytest.raises(AssertionError, match="used up"):
        draws.below(1 << 60)
