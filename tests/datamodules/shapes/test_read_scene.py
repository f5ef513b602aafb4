"""Pictures against captions and scenes: cases by hand, and every pairing of objects by brute force."""

from itertools import pairwise, permutations

import pytest
import torch

from datamodules.shapes.attributes import scene_attributes
from datamodules.shapes.drawing import draw
from datamodules.shapes.grammar import captions_at
from datamodules.shapes.read_scene import ReadScene, compare_scenes, pair_objects
from datamodules.shapes.reading import read_scenes
from datamodules.shapes.scene import Background, Scene, SceneObject, scene_at
from metrics.image_facts import ABSENT, DrawingFacts, FactComparison, confusion_matrix

STAR = SceneObject("star", "red", "small", "top")
CROSS = SceneObject("cross", "cyan", "large", "left")
GREY = Background("grey", "dotted")
SCENE = Scene((STAR, CROSS), GREY)
OBJECT_ATTRIBUTES = ("shape", "colour", "size", "place")


@pytest.mark.parametrize(
    ("picture", "shared", "of_picture"),
    [
        (SCENE, 10, 10),
        (Scene((), GREY), 2, 2),
        (Scene((), Background("dark", "dotted")), 1, 2),
        (Scene((CROSS,), GREY), 6, 6),
        (Scene((STAR, CROSS, CROSS._replace(place="center")), GREY), 10, 14),
        (Scene((STAR._replace(place="bottom"), CROSS), GREY), 9, 10),  # elsewhere, but otherwise right
        (Scene((STAR._replace(place="left"), CROSS._replace(place="top")), GREY), 8, 10),  # exchanged
        (Scene((SceneObject("circle", "blue", "large", "right"),), GREY), 2 + 1, 6),  # as large as the cross
        (Scene((SceneObject("circle", "blue", "small", "right"), STAR), GREY), 2 + 4, 10),
    ],
)
def test_facts_by_hand(picture: Scene, shared: int, of_picture: int) -> None:
    found = compare_scenes(SCENE, picture)
    assert found[:3] == (shared, 10, of_picture)
    assert found.recall == shared / 10
    assert found.precision == shared / of_picture
    assert found.is_exact == (picture == SCENE)


def _most_shared(scene: Scene, picture: Scene) -> int:
    """The best of all ways to tell the objects of one to be objects of the other."""
    fewer, more = sorted((scene.objects, picture.objects), key=len)
    best = max(
        sum(
            getattr(one, name) == getattr(other, name)
            for one, other in zip(fewer, order, strict=False)
            for name in OBJECT_ATTRIBUTES
        )
        for order in permutations(more)
    )
    background = sum(one == other for one, other in zip(scene.background, picture.background, strict=True))
    return best + background


def test_shared_facts_by_brute_force_and_both_ways() -> None:
    scenes = [scene_at(3, index) for index in range(300)]
    for scene, picture in pairwise(scenes):
        found, back = compare_scenes(scene, picture), compare_scenes(picture, scene)
        assert found.num_shared == back.num_shared == _most_shared(scene, picture)
        assert (found.recall, found.precision) == (back.precision, back.recall)
        assert found.num_of_image == 4 * len(scene.objects) + 2


def test_every_object_is_in_one_pair() -> None:
    for index in range(100):
        scene, picture = scene_at(4, index), scene_at(5, index)
        pairs = pair_objects(scene.objects, picture.objects)
        assert sorted(pair.of_scene for pair in pairs if pair.of_scene) == sorted(scene.objects)
        assert sorted(pair.of_picture for pair in pairs if pair.of_picture) == sorted(picture.objects)


def test_among_equal_pairings_places_decide() -> None:
    one, other = SceneObject("star", "red", "small", "top"), SceneObject("star", "blue", "small", "left")
    swapped = [SceneObject("star", "green", "small", "left"), SceneObject("star", "cyan", "small", "right")]
    pairs = pair_objects([one, other], swapped)
    assert (other, swapped[0]) in pairs


def test_values_are_paired_and_what_is_missing_or_invented_is_told() -> None:
    picture = Scene((STAR._replace(colour="orange"), SceneObject("square", "blue", "small", "right")), GREY)
    found = compare_scenes(Scene((STAR, CROSS), GREY), picture)
    assert found.values["colour"] == [("red", "orange"), ("cyan", ABSENT), (ABSENT, "blue")]
    assert found.values["tone"] == [("grey", "grey")]
    colour = next(attribute for attribute in scene_attributes() if attribute.name == "colour")
    counts = confusion_matrix([found, found], colour)
    names = [*colour.classes, ABSENT]
    assert counts.sum() == 6
    assert all(counts[names.index(one), names.index(other)] == 2 for one, other in found.values["colour"])


def test_a_captions_truth_is_that_of_the_picture() -> None:
    picture = ReadScene(SCENE, seed=0)
    assert not picture.is_true("there might be a cyan cross")  # no caption of the grammar
    assert picture.is_true("the red star is above the cyan cross")
    assert picture.is_true("a cyan cross and a red star")
    assert not picture.is_true("a cyan cross and a red disc")
    assert not picture.is_true("a cyan cross on a dark dotted background")


def test_drawings_of_scenes_are_true_and_those_of_others_are_not() -> None:
    ids = torch.arange(20)
    for offset, truth in ((0, 1.0), (1, 0.0)):
        images = torch.stack([torch.from_numpy(draw(scene_at(42, i + offset), 64)) for i in ids.tolist()])
        metric = DrawingFacts()
        for style in range(5):
            captions = [captions_at(42, i)[style] for i in ids.tolist()]
            pictures = [ReadScene(scene, seed=42) for scene in read_scenes(images)]
            metric.update(pictures, ids, captions, places_B=torch.full_like(ids, style))
        found = {name: value.item() for name, value in metric.compute().items()}
        assert found["drawing_truth"] == found["drawing_exact"] == truth
        assert (found["drawing_facts"] == found["drawing_facts_precision"] == 1) == (offset == 0)


def test_attributes_are_those_of_the_facts_and_have_icons() -> None:
    attributes = scene_attributes()
    found: FactComparison = compare_scenes(SCENE, SCENE)
    assert [attribute.name for attribute in attributes] == [*found.values]
    for attribute in attributes:
        assert len(attribute.icons) == len(attribute.classes)
        assert {(icon.shape[0] == icon.shape[1], icon.shape[2]) for icon in attribute.icons} == {(True, 4)}
        assert len({icon.tobytes() for icon in attribute.icons}) == len(attribute.icons)
        assert {value for pair in found.values[attribute.name] for value in pair} <= {*attribute.classes}
