"""Any data set becomes shards: its own files as they are, in one go or in several."""

import io
import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from datamodules.image_files.reading import decode_image
from datamodules.shards import writing
from datamodules.shards.manifest import read_manifest
from datamodules.shards.writing import image_file_of, write_shards
from datamodules.split import SplitName
from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k
from tests.datamodules.in_memory_split import InMemorySplit
from tests.datamodules.shards.test_webdataset_datamodule import assert_same
from tests.datamodules.shards.tiny_shards import IMAGES_PER_SHARD, TinyShards, datamodule, library_samples


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".tar"}


def test_the_library_reads_what_was_written(shards: TinyShards) -> None:
    assert shards.num_shards == {"train": 5, "val": 2, "test": 1}
    samples = [sample for path in sorted(shards.root.glob("train-*.tar")) for sample in library_samples(path)]
    split = shards.splits["train"]
    abouts = [json.loads(sample["json"]) for sample in samples]
    assert [about["image_id"] for about in abouts] == [*split.image_ids]
    assert [about["captions"] for about in abouts] == [[*captions] for captions in split.captions]
    for number, sample in enumerate(samples):
        assert torch.equal(decode_image(sample["png"], 32, name="a scene"), split.load_image(number))


def test_files_of_images_are_kept_as_they_are_and_words_of_any_script(tmp_path: Path) -> None:
    flickr8k = TinyFlickr8k(tmp_path / "flickr8k", caption="ein “Hund” {n} läuft {i} 🐕 犬 .")
    splits = flickr8k.datamodule().load_splits()
    write_shards(splits, tmp_path / "shards", images_per_shard=3)
    again = datamodule(tmp_path / "shards", tmp_path / "cache", image_size=16).load_splits()
    for name, split in splits.items():
        assert_same(again[name], split)
    assert image_file_of(again["train"], 5) == ("jpg", flickr8k.image(5).read_bytes())
    write_shards(again, tmp_path / "others", images_per_shard=2)  # shards of shards
    for name, split in datamodule(tmp_path / "others", tmp_path / "cache", image_size=16).load_splits().items():
        assert_same(split, splits[name])


def test_an_image_in_another_format_becomes_a_png(flickr8k_root: TinyFlickr8k) -> None:
    Image.open(flickr8k_root.image(0)).save(flickr8k_root.image(0), "BMP")
    split = flickr8k_root.datamodule().load_splits()["train"]
    kind, content = image_file_of(split, 0)
    assert kind == "png"
    with Image.open(io.BytesIO(content)) as png, Image.open(flickr8k_root.image(0)) as bmp:
        assert png.size == (40, 30)
        assert png.tobytes() == bmp.convert("RGB").tobytes()


@pytest.fixture
def flickr8k_root(tmp_path: Path) -> TinyFlickr8k:
    return TinyFlickr8k(tmp_path / "flickr8k")


def test_a_killed_writer_goes_on_and_its_shards_are_the_same(
    shards: TinyShards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        pass

    written: list[int] = []
    sample = writing._sample

    def killed(split: object, index: int) -> object:
        written.append(index)
        if len(written) == 13:
            raise KilledError
        return sample(split, index)  # type: ignore[arg-type]

    monkeypatch.setattr(writing, "_sample", killed)
    folder = tmp_path / "shards"
    with pytest.raises(KilledError):
        write_shards(shards.splits, folder, images_per_shard=IMAGES_PER_SHARD)
    assert sorted(_content(folder)) == ["train-00000.tar", "train-00001.tar"]
    with pytest.raises(ValueError, match=r"the shards were not written to their end; run write_shards.py again"):
        datamodule(folder, tmp_path / "cache", val="train-*.tar", test="train-*.tar").load_splits()
    written.append(0)
    write_shards(shards.splits, folder, images_per_shard=IMAGES_PER_SHARD)
    assert written[14:17] == [10, 11, 12]  # from the third shard on
    assert _content(folder) == _content(shards.root)
    manifest = read_manifest(folder)
    assert manifest is not None
    assert manifest.complete
    assert manifest.num_images == {"train": 23, "val": 7, "test": 4}


def test_other_shards_are_not_written_over(shards: TinyShards, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds shards of other data, or of other settings"):
        write_shards(shards.splits, shards.root, images_per_shard=IMAGES_PER_SHARD + 1)
    (tmp_path / "other.tar").touch()
    with pytest.raises(ValueError, match=r"holds other.tar already"):
        write_shards(shards.splits, tmp_path)
    with pytest.raises(ValueError, match=r"images_per_shard must be at least 1, got 0"):
        write_shards(shards.splits, tmp_path, images_per_shard=0)
    (tmp_path / "shards.json").write_text("[]")
    with pytest.raises(ValueError, match=r"expected an account that write_shards.py wrote"):
        write_shards(shards.splits, tmp_path)


def test_a_caption_that_nobody_can_read_is_refused(tmp_path: Path) -> None:
    splits: dict[SplitName, InMemorySplit] = {
        "train": InMemorySplit([5], [["a", " "]]),
        "val": InMemorySplit([6], [[""]]),
    }
    with pytest.raises(ValueError, match=r"val-00000.tar: expected 1 samples, got 0; samples without a caption: val-0"):
        write_shards(splits, tmp_path)
