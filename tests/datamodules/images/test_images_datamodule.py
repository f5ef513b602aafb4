"""Splits, copies, names, captions and files of people's own images; and mistakes, each told in one line."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from datamodules.image_files.image_file_split import ImageFileSplit
from tests.datamodules.images import tiny_images
from tests.datamodules.images.test_formats import datamodule_of
from tests.datamodules.images.tiny_images import SPLITS, add_images, coco, table, write

THIRDS = [0.5, 0.25, 0.25]


def _split_of(root: Path, **settings: object) -> dict[str, str]:
    """Return the split of each file."""
    splits = datamodule_of(root, **settings).load_splits()
    found = {}
    for name, split in splits.items():
        assert isinstance(split, ImageFileSplit)
        found |= {Path(path).name: str(name) for path in split.paths}
    return found


def test_copies_of_an_image_stay_in_one_split_and_the_others_where_they_were(tmp_path: Path) -> None:
    root = tmp_path / "root"
    tiny_images.tsv(root)
    alone = _split_of(root, split=THIRDS)
    for n in range(12):
        shutil.copy(root / f"{n}.jpg", root / f"a copy of {n}.jpg")
        with Image.open(root / f"{n}.jpg") as image:
            image.save(root / f"same pixels as {n}.png")
    rows = [(path.name, "A dog ." if path.suffix == ".jpg" else "Dogs .") for path in root.glob("*.*g")]
    write(root / "all.tsv", table([("image", "caption"), *rows], "\t"))
    found = _split_of(root, split=THIRDS)
    assert len(found) == 36
    assert len({*found.values()}) == 3
    for n in range(12):
        assert len({found[name.format(n)] for name in ("{}.jpg", "a copy of {}.jpg", "same pixels as {}.png")}) == 1
    for n in range(12):
        (root / f"same pixels as {n}.png").unlink()
        (root / f"a copy of {n}.jpg").unlink()
    tiny_images.tsv(root)
    assert _split_of(root, split=THIRDS) == alone
    assert _split_of(root, split=THIRDS, split_seed=1) != alone


def test_copies_in_the_splits_of_the_files_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = tmp_path / "root"
    settings = tiny_images.coco_files(root)
    first, last = (
        root / f"{split}2017/{tiny_images.FIRST_ID + n:012d}.jpg" for split, n in (("train", 0), ("test", 11))
    )
    shutil.copy(first, last)
    datamodule = datamodule_of(root, **settings)
    datamodule.setup()
    assert "1 of the 2 test images are train images, too (391906 = 391895)" in caplog.text
    assert [of.copies for of in datamodule.figures().values()] == [0, 0, 1]


NAMES = (
    "a photo (1).jpg",
    "café [été].jpg",
    "写真 🐕.JPG",
    "100% #1 & co.jpeg",
    "-x.webp",
    "'quoted'.png",
    "sub dir/ü/x.JPG",
)


def test_names_of_all_kinds_in_folders_that_are_links_and_cannot_be_written(tmp_path: Path) -> None:
    store = tmp_path / "store"
    for number, name in enumerate(NAMES):
        (store / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (9 * number,) * 3).save(store / name)
    write(store / "all.csv", table([("image", "caption"), *((name, f"A dog in {name}") for name in NAMES)]))
    for folder in (store / "sub dir", store):
        folder.chmod(0o555)
    before = sorted(store.rglob("*"))
    (tmp_path / "root").symlink_to(store)
    splits = datamodule_of(tmp_path / "root", split=[1, 0, 0]).load_splits()
    assert sorted(store.rglob("*")) == before  # nothing is written beside the data
    for folder in (store, store / "sub dir"):
        folder.chmod(0o755)
    split = splits["train"]
    assert sorted(map(str, split.image_names)) == sorted(NAMES)
    for i, name in enumerate(split.image_names):
        assert split.captions[i] == [f"A dog in {name}"]
        assert abs(int(split.load_image(i).float().mean()) - 9 * NAMES.index(str(name))) <= 2


def test_images_of_one_name_in_two_folders_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for n, folder in enumerate(("a", "b")):
        (root / folder).mkdir(parents=True)
        Image.new("RGB", (20, 20), (100 * n,) * 3).save(root / folder / "x.jpg")
        write(root / folder / "metadata.jsonl", json.dumps({"file_name": "x.jpg", "text": f"dog {n}"}))
    annotations = {"train": "a/metadata.jsonl", "val": "b/metadata.jsonl"}
    with pytest.raises(ValueError, match=r"1 images listed more than once \(x.jpg in val\)"):
        datamodule_of(root, annotations=annotations).load_splits()
    write(root / "all.csv", table([("image", "caption"), ("a/x.jpg", "dog 0"), ("b/x.jpg", "dog 1")]))
    split = datamodule_of(root, annotations="all.csv", split=[1, 0, 0]).load_splits()["train"]
    assert {captions[0]: int(split.load_image(i).max()) for i, captions in enumerate(split.captions)} == {
        "dog 0": 0,
        "dog 1": 100,
    }
    write(root / "all.csv", table([("image", "caption"), ("x.jpg", "dog")]))
    with pytest.raises(ValueError, match=r"images whose name several files have \(x.jpg may be a/x.jpg and b/x.jpg\)"):
        datamodule_of(root, annotations="all.csv", split=[1, 0, 0]).load_splits()


def test_captions_of_every_script_come_back_from_the_files(tmp_path: Path) -> None:
    texts = ["Собака бежит", "犬が走る", "كلب يجري", 'Ein "Hund", <b>läuft</b> 🐕', "a dog\truns\nfast &amp; far"]
    read = [*texts[:4], "a dog runs fast & far"]
    root = tmp_path / "root"
    add_images(root)
    rows = [(f"{n}.jpg", text) for n in range(12) for text in texts]
    for name, content in {
        "all.csv": table([("image", "caption"), *rows]),
        "all.jsonl": "".join(json.dumps({"image": image, "caption": text}) + "\n" for image, text in rows),
    }.items():
        write(root / name, content)
        splits = datamodule_of(root, annotations=name, split=THIRDS).load_splits()
        assert all(captions == read for split in splits.values() for captions in split.captions)


def _rewrite(root: Path, name: str, change: Callable[[Any], Any]) -> None:
    content = json.loads((root / name).read_text())
    write(root / name, change(content))


def _coco(root: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = coco(range(12), "{n}.jpg")
    change(content)
    write(root / "all.json", content)


def _lines(root: Path, *lines: str) -> None:
    write(root / "all.csv", "".join(f"{line}\n" for line in ("image,caption,split", "0.jpg,A dog .,train", *lines)))


MISTAKES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a missing image": (
        lambda root: _lines(root, '1.jpg,"two\nlines",train', "nowhere.jpg,A dog .,val"),
        r"1 images that are not in the image folder \(nowhere.jpg\), named first in \S+all.csv, line 5; all",
    ),
    "a missing image of COCO": (
        lambda root: _coco(root, lambda content: content["images"][4].update(file_name="nowhere.jpg")),
        r"\(nowhere.jpg\), named first in \S+all.json, image 5; all",
    ),
    "a missing column": (
        lambda root: write(root / "all.csv", "picture,words\n0.jpg,A dog .\n"),
        r"expected captions beside each image .*, or one file of captions, got none; name the file by data.annotations",
    ),
    "a missing cell": (
        lambda root: _lines(root, "1.jpg,A dog ."),
        r"1 rows of annotations .* \(all.csv, line 3: expected 3 columns \(image, caption, split\), got 2",
    ),
    "two formats in one file": (
        lambda root: _lines(root, '{"image": "1.jpg", "caption": "A dog ."}', "2.jpg#0\tA dog ."),
        r"2 rows of annotations .* \(all.csv, line 3: expected CSV, .*all.csv, line 4: expected 3 columns",
    ),
    "two files of captions": (
        lambda root: (_lines(root), _coco(root, lambda content: None)),
        r"expected .* one file of captions, got several \(all.csv, all.json\); name the file by data.annotations",
    ),
    "captions beside images, and in a file": (
        lambda root: (_lines(root), write(root / "0.txt", "A dog .")),
        r"expected .* one file of captions, got several \(0.txt, all.csv\); name the file by data.annotations",
    ),
    "an annotation for no image": (
        lambda root: _coco(root, lambda content: content["annotations"][3].update(image_id=7)),
        r"all.json, annotations row 4: expected an image_id that 'images' has, got 7; add the image",
    ),
    "captions without an image beside them": (
        lambda root: (write(root / "0.txt", "A dog ."), write(root / "x.txt", "A cat .")),
        r"1 rows .* cannot be used \(x.txt: expected an image of that name beside it; add it or remove the file",
    ),
    "an id twice": (
        lambda root: _coco(root, lambda content: content["annotations"][3].update(id=0)),
        r"all.json, annotations row 4: expected an id of its own, got 0 as in all.json, annotations row 1",
    ),
    "an image twice": (
        lambda root: _coco(root, lambda content: content["images"].append(content["images"][0])),
        r"all.json, images row 13: expected each image once, got id 391895 again",
    ),
    "captions that are empty": (
        lambda root: _lines(root, "1.jpg,&nbsp; ,train", "2.jpg,,train"),
        r"2 empty captions \(1.jpg#0, 2.jpg#0\); 2 images without captions \(1.jpg, 2.jpg\)",
    ),
    "half a character": (
        lambda root: write(root / "all.json", '[{"image": "0.jpg", "split": "train", "captions": ["a \\ud83d"]}]'),
        r"all.json, row 1: expected a caption of whole characters",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_line(mistake: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    add_images(root)
    spoil, message = MISTAKES[mistake]
    spoil(root)
    split = "official" if (root / "all.csv").exists() or "half" in mistake else THIRDS
    with pytest.raises(ValueError, match=message) as raised:
        datamodule_of(root, split=split).load_splits()
    assert "\n" not in str(raised.value)


SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "a column that is not there": (
        {"columns": {"image": "picture"}},
        r"all.csv, line 1: expected a column 'picture', got 'image', 'caption'; name the columns by data.columns",
    ),
    "another column": ({"columns": {"text": "x"}}, r"data.columns.text: expected one of image, captions, split"),
    "no splits": ({}, r"that tell the split of their images, got none .*; set data.split=\[0.8,0.1,0.1\]"),
    "a file that is not there": ({"annotations": "x.csv"}, r"data.annotations=x.csv: expected a file, got none at"),
    "a folder that is not there": ({"images": "x"}, r"data.images=x: expected a folder in data.root=.*, got none"),
    "another split": ({"annotations": {"dev": "all.csv"}}, r"data.annotations.dev: expected one of train, val, test"),
    "a list that is not there": ({"split": {"train": "x.txt"}}, r"data.split.train=x.txt: expected a file, got none"),
    "a list of nothing": (
        {"split": {"train": "lists/t.txt", "val": "lists/no.txt"}},
        r"no.txt: expected the names of images, got none",
    ),
    "a list of others": (
        {"split": {"train": "lists/t.txt", "val": "lists/o.txt"}},
        r"not in the image folder \(other.jpg\), named first in \S+o.txt, line 2",
    ),
    "a list with an image of another": (
        {"split": {"train": "lists/t.txt", "val": "lists/t.txt"}},
        r"2 images listed more than once \(0.jpg in val, 1.jpg in val\)",
    ),
    "a share of all": ({"test_from_val": 1}, r"data.test_from_val must be between 0 and 1 \(or null for none\), got 1"),
}


@pytest.mark.parametrize("mistake", SETTINGS)
def test_a_wrong_setting_is_told_in_one_line(mistake: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    add_images(root)
    write(root / "all.csv", table([("image", "caption"), *((f"{n}.jpg", "A dog .") for n in range(12))]))
    for name, text in {"t.txt": "0.jpg\n1.jpg\n", "no.txt": "\n", "o.txt": "\nother.jpg\n"}.items():
        write(root / "lists" / name, text)
    settings, message = SETTINGS[mistake]
    with pytest.raises(ValueError, match=message) as raised:
        datamodule_of(root, **settings).load_splits()
    assert "\n" not in str(raised.value)


def test_a_split_without_images_is_told_when_it_is_needed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    tiny_images.tsv(root)
    write(root / "all.tsv", (root / "all.tsv").read_text().replace("\tval\t", "\tunused\t"))
    datamodule = datamodule_of(root)
    assert [len(split.image_ids) for split in datamodule.load_splits().values()] == [8, 0, 2]
    with pytest.raises(
        ValueError, match=r"the val split holds no image; the files \(all.tsv: captions by image, 12 images"
    ):
        datamodule.setup()


def test_what_is_left_out_is_counted_with_reasons(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    root = tmp_path / "root"
    settings = tiny_images.coco_files(root)
    spoilt = root / f"train2017/{tiny_images.FIRST_ID:012d}.jpg"
    spoilt.write_text("no image")
    _rewrite(root, "annotations/captions_val2017.json", lambda of: {**of, "annotations": of["annotations"][1:]})
    datamodule = datamodule_of(root, on_bad_data="skip", batch_size=2, **settings)
    datamodule.prepare_data()
    datamodule.setup()
    figures = datamodule.figures()
    assert [(of.images, of.captions) for of in figures.values()] == [(7, 14), (2, 3), (2, 4)]
    assert figures["val"].captions_of_image == (1, 1.5, 2)
    assert "captions an image, min / median / max" in caplog.text
    assert "left out: 1 images that cannot be read (000000391895.jpg: cannot identify image file)" in caplog.text


def test_each_file_is_read_and_checked_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    root = tmp_path / "root"
    settings = tiny_images.coco_files(root)
    for _ in range(2):
        datamodule = datamodule_of(root, **settings)
        datamodule.prepare_data()
        datamodule.setup()
        datamodule.prepare_data()
    assert caplog.text.count("checked 12 images") == 1
    assert caplog.text.count("captions_train2017.json: COCO annotations") == 2


def test_links_in_circles_end(tmp_path: Path) -> None:
    root = tmp_path / "root"
    settings = tiny_images.coco_files(root)
    (root / "train2017/again").symlink_to(root)
    (root / ".cache").mkdir()
    shutil.copy(root / f"train2017/{tiny_images.FIRST_ID:012d}.jpg", root / ".cache/x.jpg")
    assert [len(of.image_ids) for of in datamodule_of(root, **settings).load_splits().values()] == [
        len(numbers) for numbers in SPLITS.values()
    ]


def test_half_of_the_validation_images_are_the_test_split_where_there_is_none(tmp_path: Path) -> None:
    root = tmp_path / "root"
    tiny_images.coco_2017(root)
    annotations = {name: f"annotations/captions_{name}2017.json" for name in ("train", "val")}
    parts = [
        datamodule_of(root, annotations=annotations, test_from_val=0.5, split_seed=seed).load_splits()
        for seed in (1, 2)
    ]
    for splits in parts:
        assert sorted([*splits["val"].image_ids, *splits["test"].image_ids]) == [391903, 391904, 391905, 391906]
        assert len(splits["test"].image_ids) == 2
