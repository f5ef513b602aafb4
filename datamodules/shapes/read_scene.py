"""What was read from a picture, against captions and scenes."""

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import NamedTuple

from datamodules.shapes.claims import BACKGROUND_ATTRIBUTES, OBJECT_ATTRIBUTES, facts
from datamodules.shapes.scene import Scene, SceneObject, scene_at
from datamodules.shapes.truth import caption_is_true
from metrics.image_facts import ABSENT, FactComparison, ReadImage


class Pair(NamedTuple):
    """An object of a scene and the one in a picture that stands for it; None where there is none."""

    of_scene: SceneObject | None
    of_picture: SceneObject | None


class ReadScene(ReadImage):
    """The scene that was read from a picture.

    Args:
        picture: That scene.
        seed: The world of the scenes that it is compared with.
    """

    def __init__(self, picture: Scene, *, seed: int) -> None:
        self.picture = picture
        self.seed = seed

    def is_true(self, caption: str) -> bool:
        return caption_is_true(caption, self.picture)

    def compare(self, image_id: int) -> FactComparison:
        return compare_scenes(scene_at(self.seed, image_id), self.picture)


def compare_scenes(scene: Scene, picture: Scene) -> FactComparison:
    """Compare the facts of a scene (see `claims.py`) with those of a picture of it.

    Objects are paired one to one, so that as many of their attributes as possible are equal: an object at another place
    has its shape, colour and size right. A fact is shared where the values of a pair, or of the backgrounds, are equal.
    """
    pairs = pair_objects(scene.objects, picture.objects)
    values = {
        name: [(_value(pair.of_scene, name), _value(pair.of_picture, name)) for pair in pairs]
        for name in OBJECT_ATTRIBUTES
    }
    values |= {
        name: [(getattr(scene.background, name), getattr(picture.background, name))] for name in BACKGROUND_ATTRIBUTES
    }
    num_shared = sum(one == other for of_attribute in values.values() for one, other in of_attribute)
    return FactComparison(num_shared, len(facts(scene)), len(facts(picture)), values)


def pair_objects(of_scene: Sequence[SceneObject], of_picture: Sequence[SceneObject]) -> list[Pair]:
    """Return the pairing with the most equal attributes, and what is left over; every object is in one pair.

    Among equally good ones, that with the most objects at their places, then the first. Objects that have no attribute
    in common are not paired.
    """
    best = max(_pairings(of_scene, of_picture), key=lambda pairs: (sum(map(_agreement, pairs)), _num_in_place(pairs)))
    return [half for pair in best for half in ([pair] if _agreement(pair) else _halves(pair))]


def _pairings(of_scene: Sequence[SceneObject], of_picture: Sequence[SceneObject]) -> Iterator[list[Pair]]:
    num = max(len(of_scene), len(of_picture))
    padded = [*of_scene, *[None] * (num - len(of_scene))]
    for order in permutations([*of_picture, *[None] * (num - len(of_picture))]):
        yield [Pair(one, other) for one, other in zip(padded, order, strict=True)]


def _agreement(pair: Pair) -> int:
    if pair.of_scene is None or pair.of_picture is None:
        return 0
    return sum(getattr(pair.of_scene, name) == getattr(pair.of_picture, name) for name in OBJECT_ATTRIBUTES)


def _num_in_place(pairs: Sequence[Pair]) -> int:
    return sum(one is not None and other is not None and one.place == other.place for one, other in pairs)


def _halves(pair: Pair) -> list[Pair]:
    """Return each object of a pair by itself."""
    alone = [Pair(pair.of_scene, None), Pair(None, pair.of_picture)]
    return [half for half in alone if half != (None, None)]


def _value(thing: SceneObject | None, name: str) -> str:
    return ABSENT if thing is None else getattr(thing, name)
