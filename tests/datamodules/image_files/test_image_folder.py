"""Images by their names: in every Unicode form, hidden, in other formats, and as links into a store."""

import json
import logging
import os
import re
import shutil
import unicodedata
from pathlib import Path

import pytest

from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k

ACCENTED = "caf\u00e9"


def _rename(flickr8k: TinyFlickr8k, *, disk: str, lists: str, captions: str) -> None:
    """Put an accented word before every name, in a Unicode form of its own for each place."""
    form = {form: unicodedata.normalize(form, ACCENTED) for form in ("NFC", "NFD")}
    for path in flickr8k.images.iterdir():
        path.rename(path.with_name(f"{form[disk]}-{path.name}"))
    for file, chosen in [(flickr8k.token_file, captions), *((flickr8k.split_file(s), lists) for s in ("train", "dev"))]:
        lines = file.read_text().splitlines()
        file.write_bytes("".join(f"{form[chosen]}-{line}\r\n" for line in lines).encode())  # as Windows ends them
    test = flickr8k.split_file("test")
    test.write_text("".join(f"{form['NFC']}-{line}\n" for line in test.read_text().splitlines()), "utf-8")


@pytest.mark.parametrize("captions", ["NFC", "NFD"])
@pytest.mark.parametrize("lists", ["NFC", "NFD"])
@pytest.mark.parametrize("disk", ["NFC", "NFD"])
def test_names_are_the_same_composed_and_decomposed(
    flickr8k: TinyFlickr8k, disk: str, lists: str, captions: str
) -> None:
    _rename(flickr8k, disk=disk, lists=lists, captions=captions)
    split = flickr8k.datamodule().load_splits()["train"]
    assert split.image_names == [f"{ACCENTED}-{n}.jpg" for n in range(8)]
    assert split.load_image(3).unique().tolist() == [60]


def test_two_files_whose_names_look_the_same_are_refused(flickr8k: TinyFlickr8k) -> None:
    for form in ("NFC", "NFD"):
        shutil.copy(flickr8k.image(0), flickr8k.images / f"{unicodedata.normalize(form, ACCENTED)}.jpg")
    with pytest.raises(
        ValueError, match=r"got two files '.*(caf\\xe9.jpg' and 'cafe\\u0301|cafe\\u0301.jpg' and 'caf\\xe9)"
    ):
        flickr8k.datamodule().prepare_data()


def test_names_that_are_not_utf8_are_told_and_written_down(
    flickr8k: TinyFlickr8k, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    shutil.copy(flickr8k.image(0), flickr8k.images / name)
    flickr8k.datamodule(split=[0.5, 0.25, 0.25], on_bad_data="skip").prepare_data()
    assert f"1 images without captions ({name})" in caplog.text
    report = json.loads((tmp_path / "cache" / "flickr8k" / "bad_data.json").read_text("utf-8"))
    assert report["images without captions"] == [name]


def test_hidden_files_are_no_images_and_those_in_other_formats_are_told(
    flickr8k: TinyFlickr8k, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("._0.jpg", ".DS_Store", "Thumbs.db", "list.txt"):
        (flickr8k.images / name).write_bytes(b"\0\5\x16\7")
    for name in ("a.HEIC", "b.jxl", "c.JP2", "d.nef"):
        (flickr8k.images / name).touch()
    flickr8k.datamodule(split=[0.5, 0.25, 0.25]).prepare_data()
    assert "4 files look like pictures, but are not read and have no captions (a.HEIC, b.jxl, c.JP2, …);" in caplog.text
    shutil.copy(flickr8k.image(0), flickr8k.images / "e.JFIF")
    with pytest.raises(ValueError, match=r"got 1 images without captions \(e.JFIF\)"):
        flickr8k.datamodule(split=[0.5, 0.25, 0.25]).prepare_data()


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "JPG", "jpeg"])
def test_images_of_every_suffix_are_read(flickr8k: TinyFlickr8k, suffix: str) -> None:
    for path in [*flickr8k.images.iterdir()]:
        path.rename(path.with_suffix(f".{suffix}"))
    for file in flickr8k.root.glob("*.txt"):
        file.write_text(file.read_text().replace(".jpg", f".{suffix}"))
    assert len(flickr8k.datamodule().load_splits()["train"].image_ids) == 8


def test_other_capital_letters_are_told(flickr8k: TinyFlickr8k) -> None:
    flickr8k.image(3).rename(flickr8k.images / "3.JPG")
    with pytest.raises(ValueError, match=r"1 images whose files have other capital letters .* \(3.jpg is 3.JPG\)"):
        flickr8k.datamodule().prepare_data()


def _move_into_store(flickr8k: TinyFlickr8k) -> None:
    """Leave links alone, as the cache of Hugging Face does."""
    store = flickr8k.root.parent / "blobs"
    store.mkdir()
    for path in [path for path in flickr8k.root.rglob("*") if path.is_file()]:
        path.rename(store / path.name)
        path.symlink_to(store / path.name)


def test_links_into_a_store_are_followed_where_that_is_asked_for(flickr8k: TinyFlickr8k) -> None:
    _move_into_store(flickr8k)
    assert len(flickr8k.datamodule(follow_links=True).load_splits()["train"].image_ids) == 8
    why = "12 images that are links to files outside of data.root, which data.follow_links=true allows (0.jpg"
    with pytest.raises(ValueError, match=re.escape(why)):
        flickr8k.datamodule().prepare_data()
    for split in ("official", [0.5, 0.25, 0.25]):
        with pytest.raises(
            ValueError, match=r"no image of the train split can be used; left out: 12 images that are links"
        ):
            flickr8k.datamodule(split=split, on_bad_data="skip").prepare_data()


@pytest.mark.parametrize("follow_links", [False, True])
def test_links_to_nothing_and_in_circles_are_told(flickr8k: TinyFlickr8k, follow_links: bool) -> None:
    for number, target in ((2, "gone.jpg"), (3, "3.jpg")):
        flickr8k.image(number).unlink()
        flickr8k.image(number).symlink_to(target)
    flickr8k.image(4).unlink()
    os.mkfifo(flickr8k.image(4))
    with pytest.raises(
        ValueError, match=r"2 images that are links to files that are not there \(2.jpg, 3.jpg\)"
    ) as error:
        flickr8k.datamodule(follow_links=follow_links).prepare_data()
    assert "1 images that cannot be read (4.jpg: it is a folder, a pipe or a device" in str(error.value)


def test_a_list_without_names_is_told(flickr8k: TinyFlickr8k) -> None:
    flickr8k.split_file("dev").write_text("\n")
    with pytest.raises(ValueError, match=r"Flickr_8k.devImages.txt: expected the names of images, got none"):
        flickr8k.datamodule().prepare_data()


def test_the_captions_that_were_published_without_an_image_are_left_out(
    flickr8k: TinyFlickr8k, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with flickr8k.token_file.open("a") as file:
        file.write("2258277193_586949ec62.jpg.1#0\tA dog runs .\n")
    splits = flickr8k.datamodule(split=[0.5, 0.25, 0.25]).load_splits()
    assert sum(len(split.image_ids) for split in splits.values()) == 12
    assert "left out 2258277193_586949ec62.jpg.1, which has captions but was never published as an image" in caplog.text
    with flickr8k.token_file.open("a") as file:
        file.write("12.jpg.1#0\tA dog runs .\n")
    with pytest.raises(ValueError, match=r"1 images that are not in the image folder \(12.jpg.1\)"):
        flickr8k.datamodule(split=[0.5, 0.25, 0.25]).prepare_data()


def test_a_long_name_does_not_fill_the_line(flickr8k: TinyFlickr8k) -> None:
    with flickr8k.split_file("test").open("a") as file:
        file.write(f"{'n' * 60_000}.jpg\n")
    with pytest.raises(ValueError, match=r"1 images that are not in the image folder \(n{200}…\)"):
        flickr8k.datamodule().prepare_data()


def test_the_images_may_lie_where_nothing_can_be_written(
    flickr8k: TinyFlickr8k, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing is written beside the data, nor, once it is filled, into the cache; a report alone is missed."""
    flickr8k.image(3).unlink()
    before = len(flickr8k.datamodule(on_bad_data="skip").load_splits()["train"].image_ids)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system", str(tmp_path))

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    assert len(flickr8k.datamodule(on_bad_data="skip").load_splits()["train"].image_ids) == before
    assert "bad_data.json, which would name all, cannot be written (Read-only file system)" in caplog.text
