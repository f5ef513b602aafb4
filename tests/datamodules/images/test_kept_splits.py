"""Splits with very many captions are read once, and are then as they were, until a file or a setting changes."""

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from datamodules.image_files.file_states import states_of
from datamodules.image_files.image_file_split import ImageFileSplit
from datamodules.images import images_datamodule
from datamodules.lazy_sequences import CaptionTable
from tests.datamodules.images import tiny_images
from tests.datamodules.images.test_formats import datamodule_of
from tests.datamodules.images.tiny_images import FORMATS, table, write


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images_datamodule, "MANY", 1)


def _content(splits: dict[Any, Any]) -> list[Any]:
    for split in splits.values():
        assert isinstance(split, ImageFileSplit)
    return [
        [
            name,
            *map(str, split.paths),
            *split.image_ids,
            *split.image_names,
            *split.captions,
            *split.image_keys.tolist(),
        ]
        for name, split in splits.items()
    ]


def _refuse_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images_datamodule, "read_annotated", lambda *_, **__: pytest.fail("files were read again"))


@pytest.mark.parametrize("name", FORMATS)
def test_kept_splits_are_as_they_were_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "Parquet":
        pytest.importorskip("pyarrow")
    settings = FORMATS[name](tmp_path / "root")
    expected = _content(datamodule_of(tmp_path / "root", **settings).load_splits())
    monkeypatch.setattr(images_datamodule, "MANY", 1)
    first = datamodule_of(tmp_path / "root", **settings)
    first.setup()
    assert _content(first.splits) == expected
    _refuse_to_read(monkeypatch)
    again = datamodule_of(tmp_path / "root", **settings)
    again.setup()
    assert isinstance(again.splits["train"].captions, CaptionTable)
    assert _content(again.splits) == expected
    assert again.fingerprint() == first.fingerprint()


def _rewrite(root: Path) -> None:
    path = root / "all.tsv"
    path.write_text(path.read_text().replace("dog", "cat"))


def _replace_picture(root: Path) -> None:
    Image.new("RGB", (30, 20), "red").save(root / "3.jpg")


def _touch(root: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub/notes").touch()


@pytest.mark.usefixtures("few_are_many")
@pytest.mark.parametrize("change", [_rewrite, _replace_picture, _touch])
def test_a_changed_file_has_all_read_again(
    change: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    datamodule_of(root, **tiny_images.tsv(root)).load_splits()
    change(root)
    found = _content(datamodule_of(root).load_splits())
    monkeypatch.setattr(images_datamodule, "MANY", 10**6)
    assert found == _content(datamodule_of(root, cache_dir=tmp_path / "other").load_splits())


@pytest.mark.usefixtures("few_are_many")
def test_what_was_found_is_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "root"
    tiny_images.tsv(root)
    (root / "3.jpg").write_bytes(b"no image")
    settings = {"on_bad_data": "skip", "split": [0.5, 0.25, 0.25]}
    first = datamodule_of(root, **settings)
    first.load_splits()
    assert caplog.text.count("left out 1 images") == 1
    _refuse_to_read(monkeypatch)
    caplog.clear()
    caplog.set_level(logging.INFO)
    again = datamodule_of(root, **settings)
    again.load_splits()
    assert "all.tsv: captions by image, 12 images" in caplog.text
    assert "left out 1 images that cannot be read (3.jpg: " in caplog.text
    assert again.unusable == first.unusable
    with pytest.raises(ValueError, match=r"got 1 images that cannot be read"):
        datamodule_of(root, split=settings["split"]).load_splits()


@pytest.mark.usefixtures("few_are_many")
def test_names_that_are_no_unicode_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    root.mkdir()
    names = ["7.jpg", os.fsdecode(b"caf\xe9.jpg"), "ü.jpg"]
    for number, name in enumerate(names):
        Image.new("RGB", (20, 20), (9 * number,) * 3).save(root / name)
        write(root / f"{name[:-4]}.txt", f"A dog {number}\nDogs")
    first = _content(datamodule_of(root, split=[1, 0, 0]).load_splits())
    _refuse_to_read(monkeypatch)
    assert _content(datamodule_of(root, split=[1, 0, 0]).load_splits()) == first
    assert all(name in first[0] for name in names)


def test_empty_splits_are_kept_with_their_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images_datamodule, "MANY", 1)
    root = tmp_path / "root"
    tiny_images.add_images(root)
    write(root / "all.csv", table([("image", "split", "caption"), *((f"{n}.jpg", "train", "A dog") for n in range(6))]))
    for _ in range(2):
        with pytest.raises(ValueError, match=r"the val split holds no image; the files .* have no image of it"):
            datamodule_of(root).setup()
        _refuse_to_read(monkeypatch)


def test_states_tell_every_change_but_those_of_the_cache(tmp_path: Path) -> None:
    root, cache = tmp_path / "root", tmp_path / "root/sub/cache"
    cache.mkdir(parents=True)
    (root / "a").write_text("a")
    (root / "circle").symlink_to(root)
    (root / ".hidden").mkdir()
    places = [root, tmp_path / "annotations.json"]
    before = states_of(places, but=cache)
    for path in (cache / "kept", root / ".hidden/file"):
        path.touch()
        assert states_of(places, but=cache) == before
    known = {before}
    changes: list[Callable[[], object]] = [
        lambda: (root / "b").touch(),
        lambda: (root / "a").write_text("ab"),
        lambda: os.utime(root / "a", ns=(0, 0)),
        lambda: (root / "sub/c").symlink_to(tmp_path / "nothing"),
        lambda: (root / "b").rename(root / "sub/b"),
        lambda: (tmp_path / "annotations.json").write_text(json.dumps([])),
    ]
    for change in changes:
        change()
        known.add(states_of(places, but=cache))
    assert len(known) == len(changes) + 1
