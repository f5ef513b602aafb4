"""What a scene is, and the scene of each (seed, index)."""

from itertools import product
from typing import NamedTuple

from datamodules.shapes.draws import Draws

SHAPES = ("circle", "square", "triangle", "star", "cross")
COLOURS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple")
SIZES = ("large", "small")
# The cells of a 3 by 3 grid in reading order.
PLACES = ("top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right")
TONES = ("dark", "grey", "light")
PATTERNS = ("plain", "striped", "checkered", "dotted")
MAX_OBJECTS = 3

_LOOKS = tuple(product(SHAPES, COLOURS))


class SceneObject(NamedTuple):
    """An object; `offset` moves it (down, right) within its cell, each in [-1, 1), and is never spoken of."""

    shape: str
    colour: str
    size: str
    place: str
    offset: tuple[float, float] = (0.0, 0.0)


class Background(NamedTuple):
    """A tone and the pattern in it."""

    tone: str
    pattern: str


class Scene(NamedTuple):
    """One to three objects in reading order of their places, each in a cell of its own."""

    objects: tuple[SceneObject, ...]
    background: Background


def scene_at(seed: int, index: int) -> Scene:
    """Return scene `index` of the world `seed`; it depends on these two numbers alone.

    No two objects share both shape and colour, so that "the red circle" names one object.
    """
    draws = Draws("scene", seed, index)
    count = 1 + draws.below(MAX_OBJECTS)
    looks = draws.sample(_LOOKS, count)
    cells = sorted(draws.sample(range(len(PLACES)), count))
    objects = tuple(
        SceneObject(shape, colour, draws.choice(SIZES), PLACES[cell], offset=(draws.uniform(), draws.uniform()))
        for (shape, colour), cell in zip(looks, cells, strict=True)
    )
    return Scene(objects, Background(draws.choice(TONES), draws.choice(PATTERNS)))


def cell_of(place: str) -> tuple[int, int]:
    """Return the (row, column) of a place in the 3 by 3 grid."""
    row, column = divmod(PLACES.index(place), 3)
    return row, column
