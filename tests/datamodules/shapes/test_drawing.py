"""Pixels: what is drawn is where and what the scene says."""

from itertools import product

import numpy as np
import pytest

from datamodules.shapes.drawing import RGB, draw, draw_background
from datamodules.shapes.scene import (
    COLOURS,
    PATTERNS,
    PLACES,
    SHAPES,
    SIZES,
    TONES,
    Background,
    Scene,
    SceneObject,
    cell_of,
    scene_at,
)

PLAIN = Background("dark", "plain")
BACKGROUNDS = [Background(tone, pattern) for tone, pattern in product(TONES, PATTERNS)]


def coverage(thing: SceneObject, image_size: int = 64) -> np.ndarray:
    """Share of each pixel that a red object covers: [image_size, image_size]."""
    background = draw_background(PLAIN, image_size)[0].astype(float)
    image = draw(Scene((thing._replace(colour="red"),), PLAIN), image_size)[0].astype(float)
    return (image - background) / (RGB["red"][0] - background)


def test_images_are_pinned() -> None:
    # A change here changes the data set: results no longer compare.
    images = np.stack([draw(scene_at(42, index), 64) for index in range(50)])
    assert images.mean(axis=(0, 2, 3)) == pytest.approx([134.263, 134.977, 135.728], abs=0.01)


def test_shape_and_type() -> None:
    image = draw(scene_at(0, 0), 48)
    assert image.shape == (3, 48, 48)
    assert image.dtype == np.uint8


def test_drawing_leaves_the_shared_background_alone() -> None:
    scene = scene_at(1, 0)
    before = draw_background(scene.background, 64).copy()
    draw(scene, 64)
    np.testing.assert_array_equal(draw_background(scene.background, 64), before)


@pytest.mark.parametrize("image_size", [48, 64, 100])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_centre_of_an_object_has_its_colour(shape: str, image_size: int) -> None:
    for colour, size, place in product(COLOURS, SIZES, PLACES):
        image = draw(Scene((SceneObject(shape, colour, size, place),), PLAIN), image_size)
        row, column = (int((i + 0.5) * image_size / 3) for i in cell_of(place))
        assert tuple(image[:, row, column]) == RGB[colour]


@pytest.mark.parametrize("offset", [(-1, -1), (-1, 1), (1, -1), (1, 1)])
@pytest.mark.parametrize("shape", SHAPES)
def test_an_object_lies_whole_in_its_cell(shape: str, offset: tuple[float, float]) -> None:
    for size, place in product(SIZES, PLACES):
        covered = coverage(SceneObject(shape, "red", size, place, offset))
        row, column = cell_of(place)
        rows, columns = np.nonzero(covered > 0.5)
        assert round(row * 64 / 3) <= rows.min() <= rows.max() < round((row + 1) * 64 / 3)
        assert round(column * 64 / 3) <= columns.min() <= columns.max() < round((column + 1) * 64 / 3)
        unmoved = coverage(SceneObject(shape, "red", size, "center"))
        assert covered.sum() == pytest.approx(unmoved.sum(), rel=0.06)


@pytest.mark.parametrize("shape", SHAPES)
def test_large_is_much_wider_than_small(shape: str) -> None:
    width = {}
    for size in SIZES:
        covered = coverage(SceneObject(shape, "red", size, "center"))
        width[size] = (covered > 0.25).any(axis=0).sum()
    assert 16 <= width["large"] <= 20
    assert 10 <= width["small"] <= 14


def test_shapes_cover_different_pixels() -> None:
    masks = [coverage(SceneObject(shape, "red", "small", "center")) for shape in SHAPES]
    for i, one in enumerate(masks):
        for other in masks[:i]:
            assert np.minimum(one, other).sum() / np.maximum(one, other).sum() < 0.9


def test_areas_are_those_of_the_geometric_shapes() -> None:
    radius = 0.30 * 400 / 2
    expected = {
        "circle": np.pi,
        "square": 1.8**2,
        "triangle": np.sqrt(3),
        "cross": 2 * (2 * 0.6) - 0.6**2,
        "star": 5 * 0.5 * np.sin(np.pi / 5),
    }
    for shape, area in expected.items():
        covered = coverage(SceneObject(shape, "red", "large", "center"), image_size=400)
        assert covered.sum() / radius**2 == pytest.approx(area, rel=0.01)


def test_offsets_move_an_object_down_and_right() -> None:
    def centre(offset: tuple[float, float]) -> np.ndarray:
        covered = coverage(SceneObject("circle", "red", "small", "center", offset))
        y, x = np.mgrid[:64, :64]
        return np.array([(covered * y).sum(), (covered * x).sum()]) / covered.sum()

    moved = centre((0.5, -0.5)) - centre((0, 0))
    assert moved[0] == pytest.approx(0.96, abs=0.05)
    assert moved[1] == pytest.approx(-0.96, abs=0.05)


def test_every_colour_stands_out_from_every_background_and_colour() -> None:
    for background, colour in product(BACKGROUNDS, COLOURS):
        distance = np.linalg.norm(draw_background(background, 64) - np.array(RGB[colour])[:, None, None], axis=0)
        assert distance.min() > 80, (background, colour)
    for one, other in product(COLOURS, COLOURS):
        assert one == other or np.linalg.norm(np.subtract(RGB[one], RGB[other])) > 80


def test_backgrounds_differ_in_their_tone_or_pattern() -> None:
    images = [draw_background(background, 64).astype(float) for background in BACKGROUNDS]
    for i, one in enumerate(images):
        for other in images[:i]:
            assert np.abs(one - other).mean() > 5
    for background, image in zip(BACKGROUNDS, images, strict=True):
        assert np.ptp(image[0]) == (0 if background.pattern == "plain" else 52)
