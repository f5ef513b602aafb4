"""The splits that the data module offers."""

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest
import torch

from datamodules.shapes import ShapesDataModule
from datamodules.shapes.drawing import draw
from datamodules.shapes.grammar import captions_at
from datamodules.shapes.scene import scene_at


def fit_nothing(captions: Sequence[str]) -> NoReturn:
    raise AssertionError("no tokenizer is needed for the splits")


def make(folder: Path, **options: int) -> ShapesDataModule:
    sizes = {"seed": 4, "num_train": 12, "num_val": 5, "num_test": 3, "image_size": 32, "batch_size": 4}
    return ShapesDataModule(tokenizer=fit_nothing, cache_dir=folder, **(sizes | options))


def test_splits_hold_the_scenes_of_their_ids(tmp_path: Path) -> None:
    data = make(tmp_path)
    data.prepare_data()
    splits = data.load_splits()
    assert {name: list(split.image_ids) for name, split in splits.items()} == {
        "test": [0, 1, 2],
        "val": [3, 4, 5, 6, 7],
        "train": list(range(8, 20)),
    }
    for split in splits.values():
        for index, image_id in enumerate(split.image_ids):
            image = split.load_image(index)
            assert image.dtype == torch.uint8
            assert torch.equal(image, torch.from_numpy(draw(scene_at(4, image_id), 32)))
            assert split.captions[index] == captions_at(4, image_id)


def test_more_training_data_leaves_the_test_images_as_they_are(tmp_path: Path) -> None:
    few, many = make(tmp_path), make(tmp_path, num_train=30)
    few.prepare_data()
    many.prepare_data()
    assert few.load_splits()["test"].captions == many.load_splits()["test"].captions
    assert torch.equal(few.load_splits()["test"].load_image(1), many.load_splits()["test"].load_image(1))


def test_splits_without_prepare_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"call prepare_data\(\)"):
        make(tmp_path).load_splits()


@pytest.mark.parametrize("name", ["num_train", "num_val", "num_test"])
def test_empty_splits_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=f"data.{name} must be at least 1, got 0"):
        make(tmp_path, **{name: 0})


def test_tiny_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"data.image_size must be at least 32 .* got 16"):
        make(tmp_path, image_size=16)
