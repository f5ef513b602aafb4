"""What is refused: each in one line, with its setting or row."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import DatasetDict, Features, Value

from tests.datamodules.hugging_face.tiny_sets import (
    FEATURES,
    as_dataset,
    quiet,
    save,
    small,
    twelve,
    write_image_folder,
    write_parquet,
)

CAPTIONLESS = r"1 rows without a caption \(row 1 of train\)"
AT_RANDOM = {"split": [0.5, 0.25, 0.25]}
Write = Callable[[Path], Path]


def _broken(**of_row: Any) -> Write:
    return lambda folder: save(folder, **twelve(**of_row))


def _broken_path(path: str) -> Write:
    def write(folder: Path) -> Path:
        write_image_folder(folder)
        rows = twelve(image=path)
        for name in rows:
            for row in rows[name]:
                row["image"] = row["image"] if row["image"] == path else f"{name}/dog {row['name'][4:]}.png"
        return save(folder, Features({**FEATURES, "image": Value("string")}), **rows)

    return write


def _without(column: str) -> Write:
    def write(folder: Path) -> Path:
        rows = {name: [{k: v for k, v in row.items() if k != column} for row in of] for name, of in twelve().items()}
        return save(folder, Features({k: v for k, v in FEATURES.items() if k != column}), **rows)

    return write


def _mixed(folder: Path) -> Path:
    write_image_folder(folder)
    lines = [{"file_name": "dog 0.png", "caption_0": "a dog"}, {"file_name": "dog 1.png", "caption_0": ["a", "b"]}]
    (folder / "train/metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def _two_types(folder: Path) -> Path:
    rows = {name: as_dataset(of) for name, of in twelve().items()}
    rows["validation"] = rows["validation"].remove_columns("name").add_column("name", [1, 2])
    with quiet():
        DatasetDict(rows).save_to_disk(folder)
    return folder


def _empty(folder: Path) -> Path:
    return save(folder, **(twelve() | {"validation": []}))


def _empty_parquet(folder: Path) -> Path:
    write_parquet(folder)
    with quiet():
        as_dataset([]).to_parquet(folder / "test-00000-of-00001.parquet")
    return folder


def _script(folder: Path) -> Path:
    folder.mkdir()
    (folder / f"{folder.name}.py").write_text("raise SystemExit('executed')")
    return folder


def _no_parquet(folder: Path) -> Path:
    write_parquet(folder)
    (folder / "train-00000-of-00001.parquet").write_text("no parquet")
    return folder


REFUSED: dict[str, tuple[Write, dict[str, Any], str]] = {
    "no caption column": (_without("caption"), {}, r"=caption: the split 'train' .* one of 'image', 'name'$"),
    "no image column": (write_parquet, {"image_column": "img"}, r"data\.image_column=img: .*choose one of 'image'"),
    "no id column": (_without("name"), {"id_column": "name"}, r"data\.id_column=name: the split 'train' .* no such"),
    "captions of another type": (
        write_parquet,
        {"caption_columns": ["caption", "image"]},
        r"data\.caption_columns=image: expected text or lists of text in the split 'train' .*, got struct<",
    ),
    "images of another type": (
        write_parquet,
        {"image_column": "caption"},
        r"data\.image_column=caption: expected images, encoded bytes or paths in .*, got list<",
    ),
    "ids of another type": (
        write_parquet,
        {"id_column": "caption"},
        r"data\.id_column=caption: expected text or whole numbers in .*, got list<",
    ),
    "ids of two types": (_two_types, {"id_column": "name"}, r"one type .*string in 'train', int64 in 'validation'"),
    "mixed types": (_mixed, {"caption_columns": ["caption_0"]}, r"data\.path=.*from string to array in row 1"),
    "no split": (
        write_parquet,
        {"split_names": {"train": "train", "val": "dev", "test": "test"}},
        r"data\.split_names\.val=dev: .* no such split, only .*'validation'.*data\.split=\[0\.8",
    ),
    "two splits named": (write_parquet, {"split_names": {"train": "train"}}, r"must name .* train, val and test, got"),
    "no part": (write_parquet, {**AT_RANDOM, "source_splits": ["all"]}, r"source_splits=all: .*has no"),
    "no value": (
        write_parquet,
        {"split_column": "name"},
        r"data\.split_names\.train=train: no row of .* in the column 'name', only 'dog 0'",
    ),
    "split at random by a column": (
        write_parquet,
        {**AT_RANDOM, "split_column": "name"},
        r"leave one of them out",
    ),
    "parts of nothing": (write_parquet, {"source_splits": ["train"]}, r"data\.source_splits is of data\.split_col"),
    "an empty split": (_empty, {}, r"data\.path=.*: its split 'validation' holds no rows; fill it"),
    "an empty split in a file": (_empty_parquet, {}, r"data\.path=.*: its split 'test' holds no rows; fill it"),
    "a row without caption": (_broken(caption=[]), {}, CAPTIONLESS),
    "nothing but empty captions": (_broken(caption=[" \n", "", None]), {}, CAPTIONLESS),
    "no captions at all": (_broken(caption=None), {}, CAPTIONLESS),
    "a row without an id": (_broken(name=None), {"id_column": "name"}, r"1 rows without an id \(row 1 of train\)"),
    "no image": (
        _broken(image={"bytes": b"GIF89", "path": None}),
        {},
        r"1 rows whose image cannot be read \(row 1 of train: cannot identify image file\); all are named in .*",
    ),
    "an image that is missing": (_broken(image=None), {}, r"cannot be read \(row 1 of train: there is no image\)"),
    "a file that is missing": (
        _broken_path("gone.png"),
        {},
        r"cannot be read \(row 1 of train: .*No such file.*gone\.png",
    ),
    "an address": (
        _broken_path("http://a/b.png"),
        {},
        r"row 1 of train: its path is an addr",
    ),
    "a script": (_script, {}, r"code that comes with data is not executed; choose a copy in Parquet"),
    "no parquet": (_no_parquet, {}, r"data\.path=.*: cannot be read \(Parquet .*; expected Parquet, Arrow, or images"),
    "nothing": (lambda folder: folder.mkdir() or folder, {}, r"data\.path=.*: cannot be read \(.* contain any data"),
    "no such folder": (lambda folder: folder, {}, r"data\.path=/.*: there is no such file or folder; check the path"),
    "a file of another kind": (
        lambda folder: write_image_folder(folder) / "train/metadata.jsonl",
        {},
        r"expected a folder or a file that ends in \.parquet or \.arrow",
    ),
    "a revision of a folder": (write_parquet, {"revision": "main"}, r"data\.revision=main is of the hub, and"),
    "a split of another name": (write_parquet, {"split": "random"}, r"data\.split must be 'official' or proportions"),
    "no columns": (write_parquet, {"caption_columns": []}, r"data\.caption_columns must name at least one column"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    write, settings, message = REFUSED[case]
    path = write(tmp_path / "data")
    with pytest.raises(ValueError, match=message) as refused:
        small(path, **settings).load_splits()
    assert "\n" not in str(refused.value)
