"""Shards that others have written: what is understood, and what is refused by file and sample."""

import ast
import gzip
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from datamodules.shards.shard_index import ShardIndex
from datamodules.shards.tar_reading import index_shard, normal_caption
from datamodules.split import CaptionSplit
from tests.datamodules.shards.tiny_shards import datamodule, jpeg, write_tar

IMAGE = jpeg()


def _splits(folder: Path, **settings: object) -> dict[str, CaptionSplit]:
    return datamodule(folder, folder / "cache", **settings).load_splits()  # type: ignore[return-value]


def _others(folder: Path) -> None:
    write_tar(folder / "val-0.tar", {"000010.jpg": IMAGE, "000010.txt": "val"})
    write_tar(folder / "test-0.tar", {"000011.jpg": IMAGE, "000011.txt": "test"})


def test_captions_are_lines_of_a_text_or_fields_of_a_json(tmp_path: Path) -> None:
    _others(tmp_path)
    files = {
        "a/000001.jpg": IMAGE,
        "a/000001.txt": "one\n\n two “dogs” 🐕 \r\nzwei",
        "000002.json": {"caption": "a\ttab and a\nline", "url": "x"},
        "000002.seg.png": IMAGE,
        "000002.txt": "not this",
        "000003.webp": IMAGE,
        "000003.json": {"captions": ["犬が走る", "", '&amp; "quoted"'], "width": 40},
        "000004.JPG": IMAGE,
        "000004.json": {"width": 3},
        "000004.txt": "four",
        "000004.cls": "7",
    }
    write_tar(tmp_path / "train-0.tar", files)
    train = _splits(tmp_path)["train"]
    assert [[*captions] for captions in train.captions] == [
        ["one", "two “dogs” 🐕", "zwei"],
        ["a tab and a line"],
        ["犬が走る", '&amp; "quoted"'],
        ["four"],
    ]
    assert [*train.image_ids] == [1, 2, 3, 4]
    assert [*train.image_names] == ["a/000001", "000002", "000003", "000004"]
    assert train.load_image(1).shape == (3, 32, 32)


def test_numbers_are_given_or_those_of_the_names_or_counted(tmp_path: Path) -> None:
    _others(tmp_path)
    write_tar(tmp_path / "train-0.tar", {"dog.jpg": IMAGE, "dog.txt": "a"})
    assert [[*split.image_ids] for split in _splits(tmp_path).values()] == [[0], [1], [2]]
    write_tar(tmp_path / "train-0.tar", {"000010.jpg": IMAGE, "000010.txt": "as in val"})
    assert [[*split.image_ids] for split in _splits(tmp_path).values()] == [[0], [1], [2]]
    for number, name in enumerate(("train", "val", "test")):
        about = {"image_id": 70 + number, "image_name": f"ä {name}.jpg", "captions": ["a"]}
        write_tar(tmp_path / f"{name}-0.tar", {"x.jpg": IMAGE, "x.json": about})
    splits = _splits(tmp_path)
    assert [[*split.image_ids] for split in splits.values()] == [[70], [71], [72]]
    assert [*splits["train"].image_names] == ["ä train.jpg"]


def test_samples_that_cannot_be_used_are_named_or_left_out(tmp_path: Path) -> None:
    _others(tmp_path)
    files = {
        "1.jpg": IMAGE,
        "1.txt": "good",
        "2.jpg": IMAGE,
        "3.txt": "no image",
        "4.jpg": IMAGE,
        "4.json": "{broken",
        "5.jpg": IMAGE,
        "5.json": {"captions": [3]},
        "6.jpg": IMAGE,
        "6.txt": " \n",
        "7.jpg": IMAGE,
        "7.json": {"image_id": "x", "caption": "a"},
    }
    write_tar(tmp_path / "train-0.tar", files)
    message = (
        r"got 2 samples without a caption \(train-0.tar: 2, train-0.tar: 6\); 1 samples without an image "
        r"\(jpg, png or webp\) \(train-0.tar: 3\); 3 samples whose captions cannot be read \(train-0.tar: 4: .*; all "
    )
    with pytest.raises(ValueError, match=message) as raised:
        _splits(tmp_path)
    assert "\n" not in str(raised.value)
    assert [*_splits(tmp_path, on_bad_data="skip")["train"].image_names] == ["1"]
    write_tar(tmp_path / "train-0.tar", {"2.jpg": IMAGE})
    with pytest.raises(ValueError, match=r"data.train=train-\*.tar: no image of the train split can be used"):
        _splits(tmp_path, on_bad_data="skip")


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (512 * 2, r"cut short at its start"),
        (512 * 3 + 100, r"cut short"),
        (-10240 + 100, r"cut short after the sample"),
        (0, r"cut short at its start"),
    ],
)
def test_a_tar_that_is_cut_short_is_named_with_its_last_sample(end: int, message: str, tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", {f"{n}.{kind}": IMAGE for n in range(40) for kind in ("jpg", "txt")})
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(ValueError, match=rf"a.tar: the shard is {message}.*; write or copy it again") as raised:
        index_shard(str(path))
    assert "\n" not in str(raised.value)


def test_other_files_and_compressed_tars_are_refused(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", {"1.jpg": IMAGE, "1.txt": "a"})
    whole = path.read_bytes()
    path.write_bytes(gzip.compress(whole))
    with pytest.raises(ValueError, match=r"a.tar: expected a tar that is not compressed, .*; unpack it with gunzip"):
        index_shard(str(path))
    path.write_bytes(b"something else " * 1000)
    with pytest.raises(ValueError, match=r"a.tar: expected a tar, got another file"):
        index_shard(str(path))
    write_tar(path, {"1.jpg": IMAGE, "1.txt": "a", "2.jpg": IMAGE, "2.txt": "b", "1.png": IMAGE})
    with pytest.raises(ValueError, match=r"a.tar: expected each sample once, got 1 twice"):
        index_shard(str(path))


def test_a_damaged_index_is_none(tmp_path: Path) -> None:
    index = index_shard(str(write_tar(tmp_path / "a.tar", {"1.jpg": IMAGE, "1.txt": "a"})))
    index.save(tmp_path / "a.index.npz")
    content = (tmp_path / "a.index.npz").read_bytes()
    assert ShardIndex.parse(content) is not None
    for damaged in (b"", b"PK", content[:-200], content.replace(b'"version": 1', b'"version": 0')):
        assert ShardIndex.parse(damaged) is None
    columns = {**index.columns, "caption_ends": index.columns["caption_ends"] + 7}
    ShardIndex(index.tar_bytes, columns).save(tmp_path / "b.index.npz")
    assert ShardIndex.parse((tmp_path / "b.index.npz").read_bytes()) is None


def test_threads_read_headers_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index_shard(str(write_tar(tmp_path / "a.tar", {"1.jpg": IMAGE, "1.txt": "a"}))).save(tmp_path / "a.index.npz")
    content = (tmp_path / "a.index.npz").read_bytes()
    reading, parse_header = threading.Lock(), ast.literal_eval

    def parse_alone(header: str) -> object:
        assert reading.acquire(blocking=False), "another thread reads a header"
        time.sleep(1e-4)  # so that the others go on
        reading.release()
        return parse_header(header)

    monkeypatch.setattr(ast, "literal_eval", parse_alone)
    with ThreadPoolExecutor(4) as pool:
        assert all(index is not None and len(index) == 1 for index in pool.map(ShardIndex.parse, [content] * 20))


def test_captions_are_on_one_line() -> None:
    assert normal_caption("  two  blanks stay ") == "two  blanks stay"
    assert normal_caption("a\u2028line\r\nand\ta tab") == "a line and a tab"
