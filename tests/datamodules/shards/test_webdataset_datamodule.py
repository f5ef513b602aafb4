"""Shards that the project has written: what went in comes out, once an epoch, and a run goes on where it was."""

import random
import shutil
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules.batch import CaptionBatch
from datamodules.image_files.reading import BadImageError
from datamodules.shards.order import ShardLoader, ShardSampler
from datamodules.shards.shard_split import ShardSplit
from datamodules.split import CaptionSplit, SplitName
from tests.datamodules.shards.tiny_shards import TinyShards, datamodule, jpeg, write_tar


@pytest.fixture(autouse=True)
def _any_number_of_cores() -> Iterator[None]:
    """Two workers are two workers on one core, too."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="This DataLoader will create 2 worker processes")
        yield


def assert_same(split: CaptionSplit, expected: CaptionSplit) -> None:
    assert [*split.image_ids] == [*expected.image_ids]
    assert [*split.image_names] == [*expected.image_names]
    assert [[*captions] for captions in split.captions] == [[*captions] for captions in expected.captions]
    np.testing.assert_array_equal(split.image_keys, expected.image_keys)
    for number in range(len(expected.image_ids)):
        assert torch.equal(split.load_image(number), expected.load_image(number))


def test_what_was_written_is_read(shards: TinyShards, tmp_path: Path) -> None:
    splits = datamodule(shards.root, tmp_path).load_splits()
    assert splits.keys() == shards.splits.keys()
    for name, split in splits.items():
        assert_same(split, shards.splits[name])


def test_shards_without_an_index_are_read_once(shards: TinyShards, tmp_path: Path) -> None:
    root = tmp_path / "shards"
    shutil.copytree(shards.root, root, ignore=shutil.ignore_patterns("*.npz", "*.json"))
    own = {"train": "train-{00000..00004}.tar", "val": [f"{root}/val-0000{n}.tar" for n in range(2)]}
    splits = datamodule(root, tmp_path / "cache", **own).load_splits()
    for name, split in splits.items():
        assert [*split.image_names] == [*shards.splits[name].image_names]
        assert torch.equal(split.load_image(3), shards.splits[name].load_image(3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("datamodules.shards.split_index.index_shard", lambda url: pytest.fail(f"{url} was read again"))
        again = datamodule(root, tmp_path / "cache", **own).load_splits()
    assert again["train"].image_fingerprint == splits["train"].image_fingerprint


def _loader(root: Path, cache: Path, num_processes: int = 1, rank: int = 0, **settings: object) -> ShardLoader:
    module = datamodule(root, cache, **settings)
    module.setup()
    loader = module.train_dataloader()
    split = module.splits["train"]
    assert isinstance(split, ShardSplit)
    order = ShardSampler(
        split.image_ids,
        split.index.ends_S,
        buffer=6,
        batch_size=module.batch_size,
        seed=loader.sampler.seed,
        num_processes=num_processes,
        rank=rank,
    )
    return ShardLoader(
        loader.dataset, sampler=order, batch_size=None, num_workers=loader.num_workers, collate_fn=loader.collate_fn
    )


AT_RANDOM = {"split": [0.6, 0.2, 0.2], "split_seed": 1}


@pytest.mark.parametrize("split", [{}, AT_RANDOM], ids=["official", "random"])
@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("num_processes", [1, 2, 3])
def test_all_processes_together_load_every_image_once(
    num_workers: int, num_processes: int, split: dict[str, object], shards: TinyShards, tmp_path: Path
) -> None:
    loaders = [
        _loader(shards.root, tmp_path, num_processes, rank, num_workers=num_workers, **split)
        for rank in range(num_processes)
    ]
    batches = [[batch.image_ids_B.tolist() for batch in loader] for loader in loaders]
    ids = Counter(number for of_process in batches for batch in of_process for number in batch)
    assert ids == Counter(datamodule(shards.root, tmp_path, **split).load_splits()["train"].image_ids)
    assert len({len(of_process) for of_process in batches}) == 1
    assert len(loaders[0]) == len(batches[0])


def _content(batch: CaptionBatch) -> list[object]:
    return [batch.image_ids_B.tolist(), batch.tokens_NL.tolist(), batch.images_BCHW.sum().item()]


@pytest.mark.parametrize("split", [{}, AT_RANDOM], ids=["official", "random"])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_epoch_goes_on_at_any_step_with_the_same_batches(
    num_workers: int, split: dict[str, object], shards: TinyShards, tmp_path: Path
) -> None:
    settings = {"batch_size": 1, "captions_per_image": 2, **split}
    whole = _loader(shards.root, tmp_path, **settings)
    whole.sampler.set_epoch(3)
    expected = [_content(batch) for batch in whole]
    assert split or len(expected) == 23
    steps = random.Random(1).sample(range(1, len(expected)), min(20, len(expected) - 1)) if num_workers == 0 else [9]
    for step in steps:
        loader = _loader(shards.root, tmp_path, num_workers=num_workers, **settings)
        loader.load_state_dict({**whole.state_dict(), "batches": step})
        loader.sampler.set_epoch(3)
        assert [_content(batch) for batch in loader] == expected[step:]
    with pytest.raises(ValueError, match=r"with \{'batch_size': 1\}, and this run has \{'batch_size': 2\}; keep data"):
        _loader(shards.root, tmp_path, batch_size=2, **split).load_state_dict(whole.state_dict())


def _content_of_images(splits: Mapping[SplitName, CaptionSplit]) -> dict[int, tuple[object, ...]]:
    return {
        image_id: (split.image_names[n], [*split.captions[n]], split.load_image(n).sum().item(), *split.image_keys[n])
        for split in splits.values()
        for n, image_id in enumerate(split.image_ids)
    }


def test_a_random_split_is_of_all_shards_by_image(shards: TinyShards, tmp_path: Path) -> None:
    random_split = datamodule(shards.root, tmp_path, **AT_RANDOM).load_splits()
    assert _content_of_images(random_split) == _content_of_images(shards.splits)
    assert all(split.image_ids for split in random_split.values())
    ids = {name: [*split.image_ids] for name, split in random_split.items()}
    others = datamodule(shards.root, tmp_path, **{**AT_RANDOM, "split_seed": 2}).load_splits()
    assert ids != {name: [*split.image_ids] for name, split in others.items()}
    fewer = datamodule(shards.root, tmp_path, shards="{train,val}-*.tar", **AT_RANDOM).load_splits()
    test_ids = {*shards.splits["test"].image_ids}
    assert {name: [*split.image_ids] for name, split in fewer.items()} == {
        name: [number for number in of_split if number not in test_ids] for name, of_split in ids.items()
    }


def test_copies_of_an_image_are_in_one_random_split(tmp_path: Path) -> None:
    for shard in range(2):
        files = {
            f"{shard}{n}.{kind}": jpeg(10 * n) if kind == "jpg" else "a" for n in range(24) for kind in ("jpg", "txt")
        }
        write_tar(tmp_path / f"{shard}.tar", {**files, f"bad{shard}.txt": "no image"})
    module = datamodule(tmp_path, tmp_path / "cache", on_bad_data="skip", **AT_RANDOM)
    splits = module.load_splits()
    assert module.unusable == {"samples without an image (jpg, png or webp)": ["0.tar: bad0", "1.tar: bad1"]}
    names = {name: [str(image) for image in split.image_names] for name, split in splits.items()}
    assert sum(map(len, names.values())) == 48
    for of_split in names.values():
        copies = Counter(name[1:] for name in of_split)
        assert {*copies.values()} == {2}
    _fails(tmp_path, tmp_path, r"got 2 samples without an image .*\(0.tar: bad0, 1.tar: bad1\)", **AT_RANDOM)


def test_validation_is_of_a_sample_where_that_is_asked_for(shards: TinyShards, tmp_path: Path) -> None:
    module = datamodule(shards.root, tmp_path, max_val_images=3)
    module.setup()
    val, whole = module.splits["val"], shards.splits["val"]
    assert [*val.image_ids] == [whole.image_ids[number] for number in (0, 2, 4)]
    assert [[*captions] for captions in val.captions] == [[*whole.captions[number]] for number in (0, 2, 4)]
    assert torch.equal(val.load_image(2), whole.load_image(4))
    assert [batch.image_ids_B.tolist() for batch in module.val_dataloader()] == [[*val.image_ids]]
    assert val.image_fingerprint != datamodule(shards.root, tmp_path).load_splits()["val"].image_fingerprint


def test_captions_are_tokenized_once_and_mapped(
    shards: TinyShards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datamodules.token_table.MANY", 1)
    first = datamodule(shards.root, tmp_path)
    first.setup()
    tokens = [[ids.tolist() for ids in of_image] for of_image in first.dataset("train").tokens]
    expected = [first.tokenizer.encode_batch(captions) for captions in shards.splits["train"].captions]
    assert tokens == expected
    rates = first.tokenizer.rates([ids for of_image in expected for ids in of_image])
    assert first.dataset("train").tokens.rates(first.tokenizer) == pytest.approx(rates)
    monkeypatch.setattr("datamodules.token_table._tokenized", lambda *_: pytest.fail("captions were tokenized again"))
    again = datamodule(shards.root, tmp_path)
    again.setup()
    assert [[ids.tolist() for ids in of_image] for of_image in again.dataset("train").tokens] == tokens


def test_the_split_of_a_spawned_process_is_the_same(shards: TinyShards, tmp_path: Path) -> None:
    import pickle

    split = datamodule(shards.root, tmp_path).load_splits()["train"]
    split.load_image(0)  # has a shard open
    assert_same(pickle.loads(pickle.dumps(split)), shards.splits["train"])


@pytest.fixture
def copied(shards: TinyShards, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shards.root, tmp_path / "shards"))


def _fails(root: Path | str, tmp_path: Path, message: str, **settings: object) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        datamodule(root, tmp_path / "cache", **settings).load_splits()
    assert "\n" not in str(raised.value)


def test_a_shard_that_vanishes_is_named_with_its_sample(copied: Path, tmp_path: Path) -> None:
    module = datamodule(copied, tmp_path / "cache")
    module.setup()
    (copied / "train-00002.tar").unlink()
    with pytest.raises(BadImageError, match=r"train-00002.tar: 2\d: the shard cannot be read \(No such file"):
        [*module.train_dataloader()]
    _fails(copied, tmp_path, r"train-00002.tar: there is no such shard", train="train-{00000..00004}.tar")
    _fails(copied, tmp_path, r"expected 5 shards of the train split, as shards.json has it, got 4; bring the others")
    skipping = datamodule(copied, tmp_path / "cache", on_bad_data="skip", train="train-{00000,00001,00003,00004}.tar")
    skipping.setup()
    (copied / "train-00003.tar").unlink()
    batches = [*skipping.train_dataloader()]
    assert sum(len(batch.image_ids_B) for batch in batches) == 13
    assert sum(len(batch.left_out) for batch in batches) == 5


def test_a_shard_that_was_cut_short_or_changed_is_named(copied: Path, tmp_path: Path) -> None:
    module = datamodule(copied, tmp_path / "cache")
    module.setup()
    path = copied / "train-00001.tar"
    whole = path.read_bytes()
    path.write_bytes(whole[:3000])
    with pytest.raises(BadImageError, match=r"train-00001.tar: \d\d: the shard is cut short; write or copy it again"):
        [*module.train_dataloader()]
    _fails(copied, tmp_path, r"train-00001.tar: the shard is cut short: expected [\d,]+ bytes, as its index has it")
    path.write_bytes(whole + b"\0")
    _fails(copied, tmp_path, r"train-00001.tar: the shard was changed: expected")
    path.write_bytes(whole.replace(b"IDAT", b"IDAX"))
    changed = datamodule(copied, tmp_path / "cache")
    with pytest.raises(BadImageError, match=r"the shard was changed since it was indexed"):
        changed.load_splits()["train"].load_image(5)


def test_an_id_twice_is_named_with_both_samples(copied: Path, tmp_path: Path) -> None:
    (copied / "shards.json").unlink()
    shutil.copy(copied / "train-00001.tar", copied / "val-00009.tar")
    message = r"val-00009.tar: 16: expected an image_id of its own .*, got 16 as of .*/train-00001.tar: 16; 5 samples"
    _fails(copied, tmp_path, message)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shuffle_buffer": 0}, "data.shuffle_buffer must be at least 1, got 0"),
        ({"max_val_images": 0}, "data.max_val_images must be at least 1, got 0"),
        ({"cache_features": True, "train_transform": torch.nn.Identity()}, "data.cache_features=true keeps what"),
        (
            {"val": "none-*.tar"},
            r"data.val: expected shards .*none-\*.tar, but none of them is there; correct .*, or set data.split=\[0.98",
        ),
        (
            {"split": "random"},
            r"data.split must be 'official' or proportions such as .*, got 'random'",
        ),
        ({"split": [0.5, 0.5]}, r"data.split must be three non-negative proportions"),
        ({"split": [1, 0, 0]}, r"data.split: the val split holds no image; give it a larger share of the data"),
        ({"split": [0.6, 0.2, 0.2], "shards": "none-*.tar"}, r"data.shards: expected shards .*; correct data.shards"),
        ({"val": []}, r"data.val=\[\]: expected the names of shards such as train-\*.tar, got none"),
        ({"val": ["val-00000.tar", "val-00000.tar"]}, r"names the shard .*val-00000.tar twice"),
    ],
)
def test_settings_that_cannot_be_right(
    settings: dict[str, object], message: str, shards: TinyShards, tmp_path: Path
) -> None:
    _fails(shards.root, tmp_path, message, **settings)


def test_a_missing_folder_and_a_missing_library_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fails(tmp_path / "none", tmp_path, r"data.train: expected shards .*, but there is no folder .*none")
    monkeypatch.setitem(__import__("sys").modules, "webdataset", None)
    with pytest.raises(ValueError, match="what reads tar shards needs webdataset, not installed here"):
        datamodule(tmp_path, tmp_path)
