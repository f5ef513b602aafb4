"""Which factors drawn scenes differ in, and captions of them: what codes are compared with.

Shape legend: N scenes or captions.
"""

from collections.abc import Sequence

from datamodules.shapes.grammar import STYLES
from datamodules.shapes.parser import parse
from datamodules.shapes.scene import COLOURS, MAX_OBJECTS, PATTERNS, PLACES, SHAPES, SIZES, TONES, Scene
from datamodules.shapes.style import style_of
from metrics.caption_attributes import length_class
from metrics.factor import Factor

NUMBERS = tuple(map(str, range(1, MAX_OBJECTS + 1)))


def scene_factors(scenes: Sequence[Scene]) -> list[Factor]:
    """Return the number of objects, the background, the first object in reading order, and what is there at all.

    Whether a shape or colour is there follows from the objects, so these are no generative factors.
    """
    first = [scene.objects[0] for scene in scenes]
    return [
        Factor.of("num_objects", NUMBERS, [str(len(scene.objects)) for scene in scenes]),
        Factor.of("tone", TONES, [scene.background.tone for scene in scenes]),
        Factor.of("pattern", PATTERNS, [scene.background.pattern for scene in scenes]),
        Factor.of("first_shape", SHAPES, [thing.shape for thing in first]),
        Factor.of("first_colour", COLOURS, [thing.colour for thing in first]),
        Factor.of("first_size", SIZES, [thing.size for thing in first]),
        Factor.of("first_place", PLACES, [thing.place for thing in first]),
        *(_presence(scenes, "shape", shape) for shape in SHAPES),
        *(_presence(scenes, "colour", colour) for colour in COLOURS),
    ]


def caption_factors(captions: Sequence[str]) -> list[Factor]:
    """Return the style family of captions (see `grammar.py`), their length, and what they speak of first.

    A caption that the grammar cannot read tells its length alone.
    """
    first = [None if claims is None else claims.objects[0] for claims in map(parse, captions)]
    return [
        Factor.of("style_family", tuple(STYLES), [style_of(caption) for caption in captions]),
        length_class(captions),
        Factor.of("first_shape_claimed", SHAPES, [thing and thing.shape for thing in first]),
        Factor.of("first_colour_claimed", COLOURS, [thing and thing.colour for thing in first]),
    ]


def _presence(scenes: Sequence[Scene], attribute: str, value: str) -> Factor:
    is_there = [any(getattr(thing, attribute) == value for thing in scene.objects) for scene in scenes]
    values = ["yes" if there else "no" for there in is_there]
    return Factor.of(f"has_{value}", ("no", "yes"), values, is_generative=False)
