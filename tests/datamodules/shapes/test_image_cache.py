"""The cache file: drawn once, reconstructed when torn."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from datamodules.shapes import drawing, image_cache
from datamodules.shapes.drawing import draw
from datamodules.shapes.image_cache import ImageCache
from datamodules.shapes.scene import scene_at

EXPECTED = np.stack([draw(scene_at(3, index), 32) for index in range(20)])


@pytest.fixture
def cache(tmp_path: Path) -> ImageCache:
    return ImageCache(tmp_path / "new", seed=3, num_images=20, image_size=32)


def test_fill_then_open(cache: ImageCache) -> None:
    assert cache.open() is None
    cache.fill()
    images = cache.open()
    assert isinstance(images, np.memmap)
    assert not images.flags.writeable
    np.testing.assert_array_equal(images, EXPECTED)
    assert list(cache.path.parent.iterdir()) == [cache.path]


def test_a_whole_file_is_not_drawn_again(cache: ImageCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.fill()
    monkeypatch.setattr(image_cache, "draw", None)
    cache.fill()


@pytest.mark.parametrize("size", [0, 3, 60, 128, 5000])
def test_a_torn_file_is_drawn_again(cache: ImageCache, size: int) -> None:
    cache.fill()
    cache.path.write_bytes(cache.path.read_bytes()[:size])
    assert cache.open() is None
    cache.fill()
    np.testing.assert_array_equal(cache.open(), EXPECTED)


@pytest.mark.parametrize("wrong", [np.zeros((20, 3, 32, 31), np.uint8), np.zeros((20, 3, 32, 32), np.int8)])
def test_a_file_of_another_shape_or_type_is_drawn_again(cache: ImageCache, wrong: np.ndarray) -> None:
    cache.path.parent.mkdir()
    np.save(cache.path, wrong)
    cache.fill()
    np.testing.assert_array_equal(cache.open(), EXPECTED)


def test_interrupted_drawing_leaves_nothing_behind(cache: ImageCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(image_cache, "draw", interrupt)
    with pytest.raises(KeyboardInterrupt):
        cache.fill()
    assert list(cache.path.parent.iterdir()) == []


def test_racing_to_fill_is_harmless(cache: ImageCache) -> None:
    with ThreadPoolExecutor(4) as pool:
        for racer in [pool.submit(cache.fill) for _ in range(4)]:
            racer.result()
    np.testing.assert_array_equal(cache.open(), EXPECTED)


def test_the_name_tells_caches_apart(tmp_path: Path) -> None:
    options = [
        {"seed": seed, "num_images": number, "image_size": size}
        for seed in (1, 11)
        for number in (2, 12)
        for size in (32, 64)
    ]
    assert len({ImageCache(tmp_path, **option).path for option in options}) == len(options)


@pytest.mark.parametrize("colour", ["red", "orange", "yellow", "green", "cyan", "blue", "purple"])
def test_a_change_of_the_drawing_gives_another_name(
    cache: ImageCache, monkeypatch: pytest.MonkeyPatch, colour: str
) -> None:
    monkeypatch.setitem(drawing.RGB, colour, (1, 2, 3))
    assert ImageCache(cache.path.parent, seed=3, num_images=20, image_size=32).path != cache.path
