"""What facts of scenes are about, with a small picture of each value."""

from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from datamodules.shapes.drawing import RGB, coverage_of, draw_background
from datamodules.shapes.scene import (
    COLOURS,
    PATTERNS,
    PLACES,
    SHAPES,
    SIZES,
    TONES,
    Background,
    SceneObject,
    cell_of,
)
from metrics.image_facts import FactAttribute

Icon = NDArray[np.uint8]

ICON_SIZE = 48  # pixels
ICON_RGB = (110, 130, 175)  # where colour is not what it is about: to be seen on light and on dark
EDGE = 2  # pixels around a swatch, which may be of the page's colour
FAINT = 60  # of 255: the cells around a place


@cache
def scene_attributes() -> tuple[FactAttribute, ...]:
    """Return the attributes of objects and of the background, as `claims.py` names them."""
    return (
        FactAttribute("shape", SHAPES, [_object(SceneObject(shape, "", "large", "center")) for shape in SHAPES]),
        FactAttribute(
            "colour", COLOURS, [_object(SceneObject("circle", "", "large", "center"), RGB[name]) for name in COLOURS]
        ),
        FactAttribute("size", SIZES, [_object(SceneObject("circle", "", size, "center")) for size in SIZES]),
        FactAttribute("place", PLACES, [_place(place) for place in PLACES]),
        FactAttribute("tone", TONES, [_swatch(Background(tone, "plain")) for tone in TONES]),
        FactAttribute("pattern", PATTERNS, [_swatch(Background("grey", pattern)) for pattern in PATTERNS]),
    )


def _object(thing: SceneObject, rgb: Iterable[int] = ICON_RGB) -> Icon:
    return _painted(coverage_of(thing, 3 * ICON_SIZE), rgb)


def _place(place: str) -> Icon:
    cell = ICON_SIZE // 3
    alpha = np.zeros((ICON_SIZE, ICON_SIZE))
    for other in PLACES:
        row, column = (i * cell for i in cell_of(other))
        alpha[row + 1 : row + cell - 1, column + 1 : column + cell - 1] = 1 if other == place else FAINT / 255
    return _painted(alpha, ICON_RGB)


def _swatch(background: Background) -> Icon:
    """Return a quarter of a background, a few periods of its pattern, within an edge."""
    rgb = draw_background(background, 2 * ICON_SIZE)[:, :ICON_SIZE, :ICON_SIZE].transpose(1, 2, 0)
    icon = np.dstack([rgb, np.full((ICON_SIZE, ICON_SIZE), 255, dtype=np.uint8)])
    for edge in (icon[:EDGE], icon[-EDGE:], icon[:, :EDGE], icon[:, -EDGE:]):
        edge[..., :3] = ICON_RGB
    return icon


def _painted(alpha: NDArray[np.floating], rgb: Iterable[int]) -> Icon:
    """Return one colour with the opacity `alpha`, in [0, 1]."""
    icon = np.empty((*alpha.shape, 4), dtype=np.uint8)
    icon[..., :3] = tuple(rgb)
    icon[..., 3] = np.rint(255 * alpha)
    return icon
