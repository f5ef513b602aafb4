"""Splits, names and groups of rows, and what is refused."""

import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset, Features, Image, List, Value
from PIL import Image as Picture

from datamodules.hugging_face import HuggingFaceDataModule
from datamodules.hugging_face.hugging_face_split import HuggingFaceSplit
from datamodules.hugging_face.row_images import RowImages
from datamodules.image_files.reading import read_image
from tests.datamodules.hugging_face.tiny_sets import (
    FEATURES,
    LAYOUTS,
    SPLITS,
    as_dataset,
    captions,
    png,
    quiet,
    rows_of,
    save,
    small,
    twelve,
    write_image_folder,
    write_parquet,
)

GREY_OF = {"train": "train", "val": "validation", "test": "test"}


def _splits(datamodule: HuggingFaceDataModule) -> dict[str, HuggingFaceSplit]:
    splits = datamodule.load_splits()
    assert all(isinstance(split, HuggingFaceSplit) for split in splits.values())
    return splits  # type: ignore[return-value]


def _names(datamodule: HuggingFaceDataModule) -> dict[str, list[str | int]]:
    return {name: [*split.image_names] for name, split in _splits(datamodule).items()}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_holds_the_same_images_and_captions(layout: str, tmp_path: Path) -> None:
    write, settings = LAYOUTS[layout]
    for name, split in _splits(small(write(tmp_path / "data"), **settings)).items():
        numbers = SPLITS[GREY_OF[name]]
        assert [*split.captions] == [captions(n) for n in numbers]
        for index, n in enumerate(numbers):
            assert torch.equal(split.load_image(index), torch.full((3, 16, 16), 20 * n, dtype=torch.uint8))


@pytest.mark.parametrize("num_workers", [0, 1])
def test_batches_hold_each_image_with_its_captions(num_workers: int, tmp_path: Path) -> None:
    datamodule = small(write_parquet(tmp_path / "data"), num_workers=num_workers, captions_per_image=2)
    datamodule.prepare_data()
    datamodule.setup()
    batches = [*datamodule.train_dataloader()]
    assert sorted(torch.cat([batch.image_ids_B for batch in batches]).tolist()) == [*SPLITS["train"]]
    for batch in batches:
        numbers = batch.image_ids_B.tolist()
        assert [int(image.float().mean()) for image in batch.images_BCHW] == [20 * n for n in numbers]
        assert batch.references == [captions(n) for n in numbers]
        for row, caption in zip(batch.image_of_caption_N.tolist(), batch.tokens_NL, strict=True):
            assert datamodule.tokenizer.decode(caption).startswith(f"a dog number {numbers[row]} runs")


def test_outputs_call_images_by_the_id_column_their_file_or_their_row(tmp_path: Path) -> None:
    parquet, images = write_parquet(tmp_path / "data"), write_image_folder(tmp_path / "images")
    assert _names(small(parquet, id_column="name"))["val"] == ["dog 8", "dog 9"]
    assert _names(small(parquet))["val"] == [0, 1]
    assert _names(small(parquet, id_column="image"))["val"] == ["8.png", "9.png"]
    of_files = _names(small(images, id_column="image", caption_columns=["caption_0"]))
    assert of_files["val"] == ["validation/dog 8.png", "validation/dog 9.png"]


def test_ids_may_be_numbers_and_rows_of_an_image_lie_apart(tmp_path: Path) -> None:
    rows = {name: [row | {"name": int(row["name"][4:]) + 100} for row in of] for name, of in twelve().items()}
    rows["train"] += [row | {"caption": ["one more"]} for row in rows["train"][:2]]
    features = Features({**FEATURES, "name": Value("int32")})
    train = _splits(small(save(tmp_path / "data", features, **rows), id_column="name"))["train"]
    assert [*train.image_names] == [*range(100, 108)]
    assert [*train.captions][:3] == [[*captions(0), "one more"], [*captions(1), "one more"], captions(2)]


def test_rows_with_the_same_pixels_are_of_one_image(tmp_path: Path) -> None:
    rows = twelve()
    bitmap = Image().encode_example(png(0))["bytes"]
    rows["train"].append({"image": {"bytes": bitmap, "path": "copy.png"}, "caption": ["a copy"], "name": "copy"})
    folder = save(tmp_path / "data", **rows)
    train = _splits(small(folder))["train"]
    assert [*train.image_names] == [*range(8)]
    assert train.captions[0] == [*captions(0), "a copy"]
    assert len(_splits(small(folder, id_column="name"))["train"].image_ids) == 9


def test_images_with_the_same_pixels_stay_in_one_split_at_random(tmp_path: Path) -> None:
    rows = [*rows_of(range(6)), *(row | {"name": f"{row['name']} again"} for row in rows_of(range(6)))]
    folder = save(tmp_path / "data", everything=rows)
    for seed in range(5):
        names = _names(small(folder, id_column="name", split=[0.5, 0.25, 0.25], split_seed=seed))
        assert sorted(name for of in names.values() for name in of) == sorted(row["name"] for row in rows)
        for of_split in names.values():
            assert {f"{name} again" for name in of_split if "again" not in str(name)} <= {*of_split}
    assert len({str(_names(small(folder, split=[0.5, 0.25, 0.25], split_seed=seed))) for seed in range(5)}) > 1


def test_an_image_that_goes_bad_leaves_the_others_in_their_splits(tmp_path: Path) -> None:
    images = write_image_folder(tmp_path / "images")
    settings: dict[str, Any] = {"id_column": "image", "caption_columns": ["caption_0"], "split": [0.5, 0.25, 0.25]}
    before = _splits(small(images, **settings))
    lost = before["train"].image_names[0]
    (images / str(lost)).write_text("no image any more")
    after = _splits(small(images, **settings, on_bad_data="skip"))
    for name, split in after.items():
        kept = [name != lost for name in before[name].image_names]
        assert [*split.image_names] == [name for name in before[name].image_names if name != lost]
        ids = zip(before[name].image_ids, kept, strict=True)
        assert [*split.image_ids] == [number for number, is_kept in ids if is_kept]


def test_splits_named_otherwise_by_a_column_or_some_of_them_at_random(tmp_path: Path) -> None:
    named = save(tmp_path / "named", a=rows_of(range(4)), b=rows_of(range(4, 6)), c=rows_of(range(6, 9)))
    names = {"train": ["a", "c"], "val": "b", "test": "b"}
    found = _names(small(named, id_column="name", split_names=names))
    assert found["train"] == [f"dog {n}" for n in (0, 1, 2, 3, 6, 7, 8)]
    assert found["val"] == found["test"] == ["dog 4", "dog 5"]
    assert _names(small(named, split_names=names))["train"] == [*(f"a/{n}" for n in range(4)), "c/0", "c/1", "c/2"]

    of_one = _names(small(named, id_column="name", split=[0.5, 0.25, 0.25], source_splits=["a"]))
    assert sorted(name for of in of_one.values() for name in of) == [f"dog {n}" for n in range(4)]

    rows = [row | {"part": part} for row, part in zip(rows_of(range(5)), "xyzxw", strict=True)]
    folder = save(tmp_path / "column", Features({**FEATURES, "part": Value("string")}), everything=rows)
    choice = {"train": "x", "val": "y", "test": ["z"]}
    assert _names(small(folder, split_column="part", split_names=choice)) == {"train": [0, 3], "val": [1], "test": [2]}


def test_images_may_be_paths_or_encoded_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "photos").mkdir(parents=True)
    for kind in ("string", "binary"):
        for split, numbers in SPLITS.items():
            for n in numbers:
                (folder / f"photos/{n}.png").write_bytes(png(n))
            images = [f"photos/{n}.png" if kind == "string" else png(n) for n in numbers]
            columns = {"image": images, "caption": [captions(n) for n in numbers]}
            features = Features({"image": Value(kind), "caption": List(Value("string"))})
            with quiet():
                Dataset.from_dict(columns, features=features).to_parquet(folder / f"{split}.parquet")
        assert int(_splits(small(folder))["test"].load_image(1).float().mean()) == 220


def test_images_within_the_data_are_decoded_as_files_are(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    turned = Picture.Exif()
    turned[0x0112] = 6
    pictures: dict[str, tuple[Picture.Image, dict[str, Any]]] = {
        "turned.jpg": (Picture.fromarray(noise), {"exif": turned}),
        "cmyk.jpg": (Picture.fromarray(noise).convert("CMYK"), {}),
        "sixteen_bits.png": (Picture.fromarray(noise[..., 0].astype(np.uint16) * 257), {}),
        "transparent.png": (Picture.fromarray(np.dstack([noise, noise[..., :1]])), {}),
    }
    rows = twelve()
    for row, (name, (picture, options)) in zip(rows["train"], pictures.items(), strict=False):
        picture.save(tmp_path / name, **options)
        row["image"] = {"bytes": (tmp_path / name).read_bytes(), "path": name}
    train = _splits(small(save(tmp_path / "data", **rows)))["train"]
    for index, name in enumerate(pictures):
        assert torch.equal(train.load_image(index), read_image(tmp_path / name, 16))


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    write_image_folder(tmp_path / "images")
    (tmp_path / "link").symlink_to(tmp_path / "images")
    names = _names(small(tmp_path / "link", id_column="image", caption_columns=["caption_0"]))
    assert names["val"] == ["validation/dog 8.png", "validation/dog 9.png"]


def test_a_file_alone_is_split_at_random(tmp_path: Path) -> None:
    for name, numbers in (("data.parquet", range(4)), ("data.arrow", range(4, 8))):
        with quiet():
            if name.endswith("arrow"):
                as_dataset(rows_of(numbers)).save_to_disk(tmp_path / "saved")
                next((tmp_path / "saved").glob("*.arrow")).rename(tmp_path / name)
            else:
                as_dataset(rows_of(numbers)).to_parquet(tmp_path / name)
        names = _names(small(tmp_path / name, id_column="name", split=[0.5, 0.25, 0.25]))
        assert sorted(name for of in names.values() for name in of) == [f"dog {n}" for n in numbers]


def test_images_are_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = LAYOUTS["save_to_disk"][0](tmp_path / "data")
    looked: list[int] = []
    keys = RowImages.keys
    monkeypatch.setattr(RowImages, "keys", lambda images, row, image: looked.append(row) or keys(images, row, image))
    first = small(folder)
    first.prepare_data()
    first.setup()
    assert len(looked) == 12  # and not once for each of the three captions
    second = small(folder)
    second.setup()
    assert len(looked) == 12
    assert first.fingerprint() == second.fingerprint()


def test_a_changed_image_is_decoded_again(tmp_path: Path) -> None:
    images = write_image_folder(tmp_path / "images")
    settings: dict[str, Any] = {"caption_columns": ["caption_0"]}
    before = _splits(small(images, **settings))["val"].image_fingerprint
    (images / "validation" / "dog 8.png").write_bytes(png(3))
    assert _splits(small(images, **settings))["val"].image_fingerprint != before


def test_a_damaged_outcome_is_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = write_parquet(tmp_path / "data")
    before = _splits(small(folder))["train"].image_fingerprint
    for outcome in (tmp_path / "cache/hugging_face").glob("rows-*.npz"):
        outcome.write_bytes(outcome.read_bytes()[:100])
    with caplog.at_level(logging.WARNING):
        assert _splits(small(folder))["train"].image_fingerprint == before
    assert "checking the images again" in caplog.text


def test_bad_rows_are_left_out_counted_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = twelve(caption=[])
    rows["train"][3]["image"] = {"bytes": b"no image", "path": "bad.jpg"}
    rows["test"][0]["name"] = None
    folder = save(tmp_path / "data", **rows)
    with caplog.at_level(logging.WARNING):
        datamodule = small(folder, id_column="name", on_bad_data="skip")
        names = _names(datamodule)
    assert datamodule.unusable["rows without a caption"] == ["row 1 of train"]
    assert names["train"] == [f"dog {n}" for n in (0, 2, 4, 5, 6, 7)]
    assert names["test"] == ["dog 11"]
    for part in ("row 1 of train", "row 3 of train: cannot identify", "1 rows without an id (row 0 of test)"):
        assert part in caplog.text
    bad = [{"image": None, "caption": ["a dog"], "name": "dog"}]
    none_left = save(tmp_path / "none", **(twelve() | {"validation": bad}))
    with pytest.raises(ValueError, match=r"no row of the val split can be used; left out: 1 rows whose image"):
        small(none_left, on_bad_data="skip").load_splits()


def test_without_a_network_one_line_tells_how_to_point_to_a_copy(tmp_path: Path) -> None:
    datamodule = HuggingFaceDataModule(path="owner/dogs", tokenizer=None, cache_dir=tmp_path)
    message = (
        "data.path=owner/dogs: there is no such file or folder, and the hub cannot be reached (.*); fetch it where "
        "there is a network (hf download owner/dogs --repo-type dataset --local-dir FOLDER) and set data.path=FOLDER"
    )
    with pytest.raises(ValueError, match=re.escape(message).replace(r"\.\*", ".*")):
        datamodule.load_splits()


def test_without_the_library_one_line_tells_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(ValueError, match="data=hf needs datasets, not installed here; run: pip install datasets"):
        small(tmp_path).load_splits()


def test_code_that_comes_with_data_cannot_be_allowed() -> None:
    with pytest.raises(TypeError, match="trust_remote_code"):
        HuggingFaceDataModule(path="owner/dogs", tokenizer=None, trust_remote_code=True)  # type: ignore[call-arg]
