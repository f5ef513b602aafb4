"""Data sets that are read part by part."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from datamodules.hugging_face import HuggingFaceStreamingDataModule
from datamodules.hugging_face.columns import Columns
from datamodules.hugging_face.row_stream import write_tar
from datamodules.hugging_face.source import open_stream
from datamodules.shards.shard_index import ShardIndex
from datamodules.shards.tar_reading import index_shard
from datamodules.tokenizers import fit_word
from tests.datamodules.hugging_face.tiny_sets import (
    SPLITS,
    as_dataset,
    captions,
    png,
    quiet,
    rows_of,
    write_image_folder,
    write_saved,
)

OWN_NAME = {"train": "train", "val": "validation", "test": "test"}
NUM_FILES = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Parquet files, several of each split."""
    root = tmp_path_factory.mktemp("streamed") / "data"
    root.mkdir()
    for split, numbers in SPLITS.items():
        files = [numbers[first::NUM_FILES] for first in range(NUM_FILES)] if split == "train" else [numbers]
        for number, of_file in enumerate(files):
            with quiet():
                as_dataset(rows_of(of_file)).to_parquet(root / f"{split}-{number:05d}-of-{len(files):05d}.parquet")
    return root


def _streamed(path: Path, cache_dir: Path, **settings: Any) -> HuggingFaceStreamingDataModule:
    own: dict[str, Any] = {"image_size": 16, "batch_size": 3, "num_workers": 0, "id_column": "name"}
    return HuggingFaceStreamingDataModule(
        path=str(path), tokenizer=partial(fit_word, min_count=1), cache_dir=cache_dir, **(own | settings)
    )


def test_an_epoch_visits_each_image_of_all_parts_once(folder: Path, tmp_path: Path) -> None:
    datamodule = _streamed(folder, tmp_path, num_workers=1)
    datamodule.setup()
    for name, split in datamodule.splits.items():
        numbers = [int(str(image).removeprefix("dog ")) for image in split.image_names]
        assert sorted(numbers) == [*SPLITS[OWN_NAME[name]]]
        for index, n in enumerate(numbers):
            assert [*split.captions[index]] == captions(n)
    batches = [*datamodule.train_dataloader()]
    assert sorted(torch.cat([batch.image_ids_B for batch in batches]).tolist()) == sorted(
        datamodule.splits["train"].image_ids
    )
    for batch in batches:
        greys = [int(image.float().mean()) for image in batch.images_BCHW]
        assert batch.references == [captions(grey // 20) for grey in greys]


def test_a_random_split_is_of_all_rows(folder: Path, tmp_path: Path) -> None:
    proportions = {"split": [0.5, 0.25, 0.25], "split_seed": 3}
    splits = _streamed(folder, tmp_path, **proportions).load_splits()
    found = {name: {str(image) for image in split.image_names} for name, split in splits.items()}
    assert sorted(name for names in found.values() for name in names) == sorted(f"dog {n}" for n in range(12))
    some = _streamed(folder, tmp_path, **proportions, source_splits=["train", "test"]).load_splits()
    assert {name: {*map(str, split.image_names)} for name, split in some.items()} == {
        name: names - {"dog 8", "dog 9"} for name, names in found.items()
    }


def _tar(path: Path, columns: Columns, split: str, file: Path) -> ShardIndex:
    """Write a whole split as one shard and return its index."""
    with file.open("wb") as tar:
        rows = open_stream(str(path), config=None, revision=None)[split]
        write_tar(rows, columns, tar, label=split, folder=path)
    return index_shard(str(file))


def _names(index: ShardIndex) -> list[str]:
    ends = index.columns["name_ends"].tolist()
    text = index.columns["names"].tobytes().decode()
    return [text[first:end] for first, end in zip([0, *ends], ends, strict=False)]


def test_image_files_become_samples_called_by_their_row_or_their_path(tmp_path: Path) -> None:
    path = write_image_folder(tmp_path / "images")
    columns = Columns("image", ("caption_0", "caption_1", "caption_2"))
    index = _tar(path, columns, "validation", tmp_path / "a.tar")
    assert _names(index) == ["validation-000000", "validation-000001"]
    assert index.columns["text"].tobytes().decode() == "".join([*captions(8), *captions(9)])
    assert index.columns["size"].tolist() == [len(png(8)), len(png(9))]
    named = _tar(path, columns._replace(id="image"), "validation", tmp_path / "b.tar")
    assert [Path(name).name for name in _names(named)] == ["dog 8.png", "dog 9.png"]
    _tar(path, columns, "validation", tmp_path / "c.tar")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "c.tar").read_bytes()


def test_rows_without_captions_or_images_are_told_and_damaged_ones_kept(tmp_path: Path) -> None:
    rows = rows_of(range(4))
    rows[1] |= {"caption": []}
    rows[2] |= {"image": {"bytes": b"GIF89a broken", "path": None}, "name": "broken"}
    rows[3] |= {"image": None}
    with quiet():
        as_dataset(rows).to_parquet(tmp_path / "train.parquet")
    index = _tar(tmp_path / "train.parquet", Columns("image", ("caption",), "name"), "train", tmp_path / "a.tar")
    assert _names(index) == ["dog 0", "broken"]
    assert [kind for kind, _ in index.problems] == [
        "samples without a caption",
        "samples without an image (jpg, png or webp)",
    ]


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"split_names": {"train": "train", "val": "dev", "test": "test"}}, r"data\.split_names\.val=dev: .* only 'tr"),
        ({"split_names": {"train": "train"}}, r"data\.split_names must name what the data set calls"),
        ({"caption_columns": "text"}, r"data\.caption_columns=text: the split 'train' .* choose one of 'image'"),
        ({"split": [0.6, 0.2, 0.2], "source_splits": ["dev"]}, r"data\.source_splits=dev: .* no such split, only 'tr"),
        ({"source_splits": ["train"]}, r"data\.source_splits is of proportions in data\.split; leave it out"),
        ({"caption_columns": []}, r"data\.caption_columns must name at least one column"),
        ({"image_column": "caption"}, r"data\.image_column=caption: expected images, encoded bytes or paths"),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_are_refused(
    settings: dict[str, Any], error: str, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=error):
        _streamed(folder, tmp_path, **settings).load_splits()


def test_a_folder_of_save_to_disk_is_not_streamed(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"save_to_disk wrote this folder, which is not streamed; read it with data=hf"
    ):
        _streamed(write_saved(tmp_path / "saved"), tmp_path / "cache").load_splits()
