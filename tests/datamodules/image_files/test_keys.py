"""An image is known again as a copy, in another format, and in another size, but not by its name alone."""

from pathlib import Path

import numpy as np
from PIL import Image

from datamodules.image_files.keys import file_keys, spoken_key
from datamodules.shapes.shapes_datamodule import ShapesSplit

NOISE = np.random.default_rng(0).integers(256, size=(1, 3, 40, 50), dtype=np.uint8)


def _saved(path: Path, pixels_CHW: np.ndarray = NOISE[0], **how: object) -> Path:
    Image.fromarray(pixels_CHW.transpose(1, 2, 0)).save(path, **how)  # type: ignore[arg-type]
    return path


def test_a_file_is_known_by_its_bytes_and_by_its_pixels(tmp_path: Path) -> None:
    first = file_keys(_saved(tmp_path / "a.png"))
    assert file_keys(_saved(tmp_path / "b.png")) == first
    packed = file_keys(_saved(tmp_path / "c.png", compress_level=0))
    assert packed[0] != first[0]
    assert packed[1] == first[1] == file_keys(_saved(tmp_path / "d.webp", lossless=True))[1]
    other = NOISE[0].copy()
    other[0, 0, 0] += 1
    assert not {*file_keys(_saved(tmp_path / "e.png", other))} & {*first}
    assert not {*file_keys(_saved(tmp_path / "f.png", NOISE[0].reshape(3, 50, 40)))} & {*first}


def test_a_drawn_image_is_known_again_in_a_file(tmp_path: Path) -> None:
    drawn = ShapesSplit(range(1), [["a"]], NOISE).image_keys[0].tolist()
    assert file_keys(_saved(tmp_path / "a.png"))[1] in drawn


def test_a_name_counts_with_its_captions_alone() -> None:
    key = spoken_key("café.jpg", ["a dog", "a cat"])
    assert spoken_key("cafe\u0301.jpg", ["a cat", "a dog"]) == key  # as another system writes the letter
    assert spoken_key("b.jpg", ["a dog", "a cat"]) != key
    assert spoken_key("café.jpg", ["a dog", "a cow"]) != key
    assert spoken_key(1, ["a"]) != spoken_key(11, ["a"])
