"""Data sets of twelve images in the layouts that the library `datasets` reads."""

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import datasets
from datasets import Dataset, DatasetDict, Features, Image, List, Value
from PIL import Image as Picture

from datamodules.hugging_face import HuggingFaceDataModule
from datamodules.tokenizers import fit_word

SPLITS = {"train": range(8), "validation": range(8, 10), "test": range(10, 12)}
CAPTIONS_PER_IMAGE = 3


def png(n: int) -> bytes:
    """Return an image of 40 by 30 pixels, uniformly of grey level `20 n`."""
    file = io.BytesIO()
    Picture.new("RGB", (40, 30), (20 * n,) * 3).save(file, "PNG")
    return file.getvalue()


def captions(n: int) -> list[str]:
    return [f"A dog number {n} runs {i} ." for i in range(CAPTIONS_PER_IMAGE)]


def rows_of(numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Return a row an image, as the other layouts start from."""
    return [
        {"image": {"bytes": png(n), "path": f"{n}.png"}, "caption": captions(n), "name": f"dog {n}"} for n in numbers
    ]


FEATURES = Features({"image": Image(), "caption": List(Value("string")), "name": Value("string")})


def as_dataset(rows: Sequence[Mapping[str, Any]], features: Features = FEATURES) -> Dataset:
    return Dataset.from_dict({name: [row[name] for row in rows] for name in features}, features=features)


def write_parquet(folder: Path) -> Path:
    """A row an image, with a list of captions, in one Parquet file a split."""
    folder.mkdir(parents=True)
    for split, numbers in SPLITS.items():
        with quiet():
            as_dataset(rows_of(numbers)).to_parquet(folder / f"{split}-00000-of-00001.parquet")
    return folder


def write_saved(folder: Path) -> Path:
    """A row a caption, as `save_to_disk` writes it."""
    features = Features({**FEATURES, "caption": Value("string")})
    splits = {
        split: as_dataset([{**row, "caption": one} for row in rows_of(numbers) for one in row["caption"]], features)
        for split, numbers in SPLITS.items()
    }
    with quiet():
        DatasetDict(splits).save_to_disk(folder)
    return folder


def write_image_folder(folder: Path) -> Path:
    """Image files in a folder for each split, with columns `caption_0` … in a `metadata.jsonl`."""
    for split, numbers in SPLITS.items():
        (folder / split).mkdir(parents=True)
        lines = []
        for n in numbers:
            (folder / split / f"dog {n}.png").write_bytes(png(n))
            columns = {f"caption_{i}": caption for i, caption in enumerate(captions(n))}
            lines.append(json.dumps({"file_name": f"dog {n}.png", **columns}))
        (folder / split / "metadata.jsonl").write_text("\n".join(lines), "utf-8")
    return folder


def save(folder: Path, features: Features = FEATURES, **rows: list[dict[str, Any]]) -> Path:
    """Save splits of these rows."""
    with quiet():
        DatasetDict({name: as_dataset(of_split, features) for name, of_split in rows.items()}).save_to_disk(folder)
    return folder


def twelve(**of_train: Any) -> dict[str, list[dict[str, Any]]]:
    """The rows of all splits; those of the first one changed."""
    rows = {name: rows_of(numbers) for name, numbers in SPLITS.items()}
    rows["train"][1] |= of_train
    return rows


LAYOUTS: Mapping[str, tuple[Callable[[Path], Path], Mapping[str, Any]]] = {
    "parquet": (write_parquet, {"id_column": "name"}),
    "save_to_disk": (write_saved, {}),
    "imagefolder": (
        write_image_folder,
        {"caption_columns": ["caption_0", "caption_1", "caption_2"], "id_column": "image"},
    ),
}
"""Each layout with the settings that it needs."""


def small(path: Path, **settings: Any) -> HuggingFaceDataModule:
    """A datamodule that is small enough for these files, with other `settings`."""
    own: dict[str, Any] = {"image_size": 16, "batch_size": 4, "num_workers": 0}
    return HuggingFaceDataModule(
        path=str(path),
        tokenizer=partial(fit_word, min_count=1),
        cache_dir=path.parent / "cache",
        **(own | settings),
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Without the library's progress bars."""
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        datasets.enable_progress_bars()


@contextmanager
def library_cache(folder: Path, *, offline: bool = True) -> Iterator[None]:
    """Let the library keep its files in a folder, and not look at the hub."""
    with (
        patch.object(datasets.config, "HF_DATASETS_CACHE", folder),
        patch.object(datasets.config, "HF_HUB_OFFLINE", offline),
        patch("huggingface_hub.constants.HF_HUB_OFFLINE", offline),
        quiet(),
    ):
        yield
