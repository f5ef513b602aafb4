"""Whether two captions can be true of one and the same scene, whatever the scene: decided exactly.

A scene has one to three objects, each in a cell of its own, no two of which share both shape and colour (`scene.py`).
What a caption leaves open can always be filled in: there are more looks and cells than objects. So two captions fit
together if their claimed objects can be told to be some objects of a scene without a clash.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import permutations, product
from typing import NamedTuple, TypeVar

from datamodules.shapes.claims import BackgroundClaim, Claims, ObjectClaim, RelationClaim, lies
from datamodules.shapes.scene import MAX_OBJECTS, PLACES

REMEMBERED = 1 << 16  # pairs of claims: captions of a model repeat
Attributes = TypeVar("Attributes", ObjectClaim, BackgroundClaim)


class _Reading(NamedTuple):
    """All objects of a scene as far as two captions describe them, and how they lie from each other."""

    objects: Sequence[ObjectClaim]
    relations: Sequence[RelationClaim]


@lru_cache(maxsize=REMEMBERED)
def contradict(one: Claims, other: Claims) -> bool:
    """Return whether no scene at all makes both true; what contradicts itself contradicts everything."""
    counts = {claims.num_objects for claims in (one, other)} - {None}
    if len(counts) > 1 or _joined(one.background, other.background) is None:
        return True
    # As many objects as may be: one more than are claimed is never in the way
    num = next(iter(counts), None) or MAX_OBJECTS
    if max(len(one.objects), len(other.objects)) > num:
        return True
    return not any(map(_is_possible, _readings(one, other, num)))


def _readings(one: Claims, other: Claims, num: int) -> Iterator[_Reading]:
    """Yield every way to tell the objects of both captions to be `num` objects: those of `one` are the first ones."""
    of_one = [*one.objects, *[ObjectClaim()] * (num - len(one.objects))]
    for indices in permutations(range(num), len(other.objects)):
        of_other = dict(zip(indices, other.objects, strict=True))
        objects = [_joined(claim, of_other.get(i, ObjectClaim())) for i, claim in enumerate(of_one)]
        known = [claim for claim in objects if claim is not None]
        if len(known) == num:
            moved = [RelationClaim(indices[r.subject], r.relation, indices[r.other]) for r in other.relations]
            yield _Reading(known, [*one.relations, *moved])


def _is_possible(reading: _Reading) -> bool:
    """Return whether looks and cells can be found for all objects."""
    looks = [(claim.shape, claim.colour) for claim in reading.objects if claim.shape and claim.colour]
    places = [claim.place for claim in reading.objects if claim.place]
    if len({*looks}) < len(looks) or len({*places}) < len(places):
        return False
    return not reading.relations or any(
        len({*cells}) == len(cells)
        and all(lies(cells[subject], relation, cells[other]) for subject, relation, other in reading.relations)
        for cells in product(*([claim.place] if claim.place else PLACES for claim in reading.objects))
    )


def _joined(one: Attributes, other: Attributes) -> Attributes | None:
    """Return all that either says; None where they clash."""
    if any(None not in pair and pair[0] != pair[1] for pair in zip(one, other, strict=True)):
        return None
    return type(one)(*(mine if mine is not None else theirs for mine, theirs in zip(one, other, strict=True)))
