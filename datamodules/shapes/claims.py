"""What a caption claims of a scene, whether it holds, and which of the scene's facts it states.

A *fact* is one attribute of one object (its shape, colour, size or place) or of the background (its tone or pattern):
a scene of n objects has 4n + 2 facts. How many objects there are and how they lie from each other can be claimed, and
must then hold, but follows from the facts and is not counted among them.
"""

from collections.abc import Iterator
from itertools import permutations
from typing import NamedTuple

from datamodules.shapes.scene import Scene, SceneObject, cell_of

OBJECT_ATTRIBUTES = ("shape", "colour", "size", "place")
BACKGROUND_ATTRIBUTES = ("tone", "pattern")


class ObjectClaim(NamedTuple):
    """There is an object with these attributes; None claims nothing."""

    shape: str | None = None
    colour: str | None = None
    size: str | None = None
    place: str | None = None


class BackgroundClaim(NamedTuple):
    """The background has these attributes; None claims nothing."""

    tone: str | None = None
    pattern: str | None = None


class RelationClaim(NamedTuple):
    """Claimed object `subject` lies "left", "right", "above" or "below" from claimed object `other` (indices)."""

    subject: int
    relation: str
    other: int


class Claims(NamedTuple):
    """All that a caption claims; several objects are claimed to be different ones, but not to be all there are."""

    objects: tuple[ObjectClaim, ...]
    background: BackgroundClaim = BackgroundClaim()
    relations: tuple[RelationClaim, ...] = ()
    num_objects: int | None = None


class Fact(NamedTuple):
    """An attribute of the object at index `of` of the scene, or of the background where `of` is None."""

    of: int | None
    attribute: str


def facts(scene: Scene) -> frozenset[Fact]:
    """Return all facts of the scene."""
    of_objects = [Fact(i, attribute) for i in range(len(scene.objects)) for attribute in OBJECT_ATTRIBUTES]
    return frozenset(of_objects + [Fact(None, attribute) for attribute in BACKGROUND_ATTRIBUTES])


def is_true(claims: Claims, scene: Scene) -> bool:
    """Return whether every claim holds, the claimed objects being some different objects of the scene."""
    return next(_readings(claims, scene), None) is not None


def facts_stated(claims: Claims, scene: Scene) -> frozenset[Fact]:
    """Return the facts that the claims state; none unless every claim holds.

    Where the claims fit the scene in several ways ("a circle", and there are two), only what is stated in each of them
    counts.
    """
    of_background = {Fact(None, name) for name in BACKGROUND_ATTRIBUTES if getattr(claims.background, name) is not None}
    stated = [
        of_background.union(
            Fact(i, name)
            for claim, i in zip(claims.objects, reading, strict=True)
            for name in OBJECT_ATTRIBUTES
            if getattr(claim, name) is not None
        )
        for reading in _readings(claims, scene)
    ]
    return frozenset.intersection(*map(frozenset, stated)) if stated else frozenset()


def _readings(claims: Claims, scene: Scene) -> Iterator[tuple[int, ...]]:
    """Yield every way for all claims to hold: for each claimed object the index of its object in the scene."""
    if claims.num_objects not in (None, len(scene.objects)):
        return
    if any(claimed not in (None, seen) for claimed, seen in zip(claims.background, scene.background, strict=True)):
        return
    for reading in permutations(range(len(scene.objects)), len(claims.objects)):
        objects = [scene.objects[i] for i in reading]
        if all(map(_matches, claims.objects, objects)) and all(
            lies(objects[subject].place, relation, objects[other].place)
            for subject, relation, other in claims.relations
        ):
            yield reading


def _matches(claim: ObjectClaim, thing: SceneObject) -> bool:
    return all(getattr(claim, name) in (None, getattr(thing, name)) for name in OBJECT_ATTRIBUTES)


def lies(place: str, relation: str, other_place: str) -> bool:
    """Return whether an object at one place lies "left", "right", "above" or "below" from one at another place.

    Grid cells are compared: of two objects in a diagonal both the horizontal and the vertical relation hold.
    """
    (row, column), (other_row, other_column) = cell_of(place), cell_of(other_place)
    return {
        "left": column < other_column,
        "right": column > other_column,
        "above": row < other_row,
        "below": row > other_row,
    }[relation]
