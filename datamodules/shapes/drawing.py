"""Draws a scene: each shape is a signed distance, which gives smooth edges at any image size.

Lengths are in pixels unless said otherwise; x runs right and y down, and a pixel's centre lies at its index + 0.5.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datamodules.shapes.scene import Background, Scene, SceneObject, cell_of

RGB = {
    "red": (222, 36, 36),
    "orange": (247, 130, 16),
    "yellow": (250, 212, 16),
    "green": (24, 166, 58),
    "cyan": (56, 206, 224),
    "blue": (44, 82, 232),
    "purple": (170, 56, 206),
}
TONE_RGB = {"dark": (34, 38, 54), "grey": (122, 124, 130), "light": (226, 222, 210)}
PATTERN_CONTRAST = 26  # a pattern is its tone, this much lighter and darker
DIAMETER = {"large": 0.30, "small": 0.19}  # share of the image: 19 and 12 pixels of 64
MAX_JITTER = 0.03  # share of the image: 2 pixels of 64

Pixels = NDArray[np.uint8]
Plane = NDArray[np.floating]


def draw(scene: Scene, image_size: int) -> Pixels:
    """Return the scene's pixels: [3, image_size, image_size], RGB."""
    image = draw_background(scene.background, image_size).copy()
    for thing in scene.objects:
        _paint(image, thing)
    return image


@lru_cache(maxsize=64)
def draw_background(background: Background, image_size: int) -> Pixels:
    """Return the pixels of a scene without objects: [3, image_size, image_size]; shared, not to be written to."""
    period = image_size / 8
    y, x = (np.mgrid[:image_size, :image_size] + 0.5) / period
    lighter = {
        "plain": np.full_like(x, 0.5),
        "striped": np.floor(x + y) % 2,
        "checkered": (np.floor(x) + np.floor(y)) % 2,
        "dotted": np.clip(0.5 + period * (0.3 - np.hypot(x % 1 - 0.5, y % 1 - 0.5)), 0, 1),
    }[background.pattern]
    tone = np.array(TONE_RGB[background.tone])[:, None, None]
    pixels = np.rint(tone + PATTERN_CONTRAST * (2 * lighter - 1)).astype(np.uint8)
    pixels.setflags(write=False)
    return pixels


def _paint(image: Pixels, thing: SceneObject) -> None:
    """Blend an object into the cell of the image that holds it, in place."""
    rows, columns = cell_window(thing.place, image.shape[-1])
    window = image[:, rows, columns]
    colour = np.array(RGB[thing.colour], dtype=np.float32)[:, None, None]
    window[...] = np.rint(window + coverage_of(thing, image.shape[-1]) * (colour - window))


def cell_window(place: str, image_size: int) -> tuple[slice, slice]:
    """Return the rows and columns of the pixels that a cell of the 3 by 3 grid touches."""
    cell = image_size / 3
    row, column = (slice(math.floor(i * cell), math.ceil((i + 1) * cell)) for i in cell_of(place))
    return row, column


def coverage_of(thing: SceneObject, image_size: int) -> Plane:
    """Return how much of each pixel of its cell's window an object covers, in [0, 1]: [rows, columns]."""
    cell = image_size / 3
    radius = DIAMETER[thing.size] * image_size / 2
    jitter = min(MAX_JITTER * image_size, cell / 2 - radius)  # an object never leaves its cell
    y, x = (
        (np.arange(window.start, window.stop) + 0.5 - (i + 0.5) * cell - jitter * offset).astype(np.float32) / radius
        for window, i, offset in zip(
            cell_window(thing.place, image_size), cell_of(thing.place), thing.offset, strict=True
        )
    )
    return np.clip(0.5 - radius * DISTANCE[thing.shape](x[None, :], y[:, None]), 0, 1)


# Signed distances to the outline, negative within, in units of the shape's radius (half of its width).


def _circle(x: Plane, y: Plane) -> Plane:
    return np.hypot(x, y) - 1


def _square(x: Plane, y: Plane) -> Plane:
    return np.maximum(np.abs(x), np.abs(y)) - 0.9  # of about the circle's area


def _cross(x: Plane, y: Plane) -> Plane:
    x, y = np.abs(x), np.abs(y)
    return np.minimum(np.maximum(x - 1, y - 0.3), np.maximum(x - 0.3, y - 1))


def _triangle(x: Plane, y: Plane) -> Plane:
    """Equilateral, of side 2, apex up: below its two slopes and above its base."""
    half_height = math.sqrt(3) / 2
    slopes = (math.sqrt(3) * np.abs(x) - y - half_height) / 2
    return np.maximum(slopes, y - half_height)


def _star(x: Plane, y: Plane) -> Plane:
    """Five tips at radius 1, the first up, five notches at radius 0.5: a tenth of it, mirrored into the others."""
    tenth = math.tau / 10
    angle = np.abs((np.arctan2(x, -y) + tenth) % (2 * tenth) - tenth)  # from the nearest tip
    edge = np.array([1 - 0.5 * math.cos(tenth), 0.5 * math.sin(tenth)])
    along, across = edge / np.linalg.norm(edge)
    radius = np.hypot(x, y)
    return across * (radius * np.cos(angle) - 1) + along * radius * np.sin(angle)


DISTANCE: dict[str, Callable[[Plane, Plane], Plane]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
}
