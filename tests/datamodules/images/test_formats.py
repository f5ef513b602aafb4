"""Every format that people have captions in gives the same images, captions and splits."""

import logging
from functools import partial
from pathlib import Path

import pytest
import torch

from datamodules.images import ImagesDataModule
from datamodules.tokenizers import fit_word
from tests.datamodules.images.tiny_images import CAPTIONS, FORMATS, SPLITS, Settings, karpathy, level

NUMBERED = ("COCO, a file a split", "COCO and lists", "Karpathy")
NUMBERED_FROM_0 = ("TextCaps",)


def datamodule_of(root: Path, **settings: object) -> ImagesDataModule:
    """A datamodule that is small enough for these files, with other `settings`."""
    small: Settings = {"image_size": 16, "batch_size": 4, "num_workers": 0, "cache_dir": root.parent / "cache"}
    return ImagesDataModule(root=root, tokenizer=partial(fit_word, min_count=1), **(small | settings))


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_gives_its_images_captions_and_splits(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if name == "Parquet":
        pytest.importorskip("pyarrow")
    caplog.set_level(logging.INFO)
    settings = FORMATS[name](tmp_path / "root")
    datamodule = datamodule_of(tmp_path / "root", **settings)
    datamodule.prepare_data()
    datamodule.setup()
    assert sum("12 images, 24 captions" in line or "2 images, 4 captions" in line for line in caplog.messages)
    numbers = {}
    for split, expected in SPLITS.items():
        found = datamodule.splits[split]
        levels = [int(found.load_image(i).float().mean() / 20 + 0.5) for i in range(len(found.image_ids))]
        assert sorted(levels) == [*expected]
        for n, captions in zip(levels, found.captions, strict=True):
            assert list(captions) == CAPTIONS[n]
        numbers |= dict(zip(levels, found.image_ids, strict=True))
        assert len({*found.image_names}) == len(expected)
        if name in NUMBERED:
            assert found.image_names == found.image_ids == [391895 + n for n in levels]
        elif name in NUMBERED_FROM_0:
            assert found.image_names == found.image_ids == levels
        else:
            assert all(f"{n}.jpg" == Path(str(file)).name for n, file in zip(levels, found.image_names, strict=True))
    assert len({*numbers.values()}) == 12
    batch = next(iter(datamodule.train_dataloader()))
    means = batch.images_BCHW.float().mean(dim=(1, 2, 3))
    number_of_id = {number: n for n, number in numbers.items()}
    expected_levels = [level(number_of_id[i]) for i in batch.image_ids_B.tolist()]
    assert (means - torch.tensor(expected_levels)).abs().max() < 2
    assert batch.references == [CAPTIONS[number_of_id[i]] for i in batch.image_ids_B.tolist()]


def test_restval_is_trained_on_or_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    settings = karpathy(tmp_path / "root", restval=(6, 7))
    with_it, without = (datamodule_of(tmp_path / "root", restval=on, **settings).load_splits() for on in (True, False))
    assert [len(splits["train"].image_ids) for splits in (with_it, without)] == [8, 6]
    assert "2 images with captions belong to no official split (2 of 'restval')" in caplog.text
