"""Captioned images that the library `datasets` reads."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Unpack

import numpy as np

from datamodules.checked_datamodule import CheckedDataModule
from datamodules.hugging_face.columns import check_columns, columns_of
from datamodules.hugging_face.hugging_face_split import HuggingFaceSplit
from datamodules.hugging_face.reading import Parts, read_parts
from datamodules.hugging_face.rows import Integers, captions_of_images, image_of_rows
from datamodules.hugging_face.selection import SplitChoice, rows_of_splits
from datamodules.hugging_face.source import open_source
from datamodules.image_files.bad_data import BadData
from datamodules.options import CommonOptions
from datamodules.split import CaptionSplit, SplitName

OWN_NAMES = MappingProxyType({"train": "train", "val": "validation", "test": "test"})


class HuggingFaceDataModule(CheckedDataModule):
    """Serves a data set of the Hugging Face hub, or one in files that the library `datasets` reads.

    A row holds an image with one caption or several; rows of one image are brought together. Images stay where they are
    and are decoded when they are asked for, as all image files are. Code that comes with data is never executed.

    Args:
        path: A name on the hub, `owner/name`; or a Parquet or Arrow file; or a folder with such files, or with images
            and a `metadata.csv` or `metadata.jsonl`; or one that `save_to_disk` wrote.
        config: The configuration, where the data set has several.
        revision: The branch, tag or commit of a data set of the hub; None for the newest.
        image_column: The column of images: the library's, encoded bytes, or paths of files.
        caption_columns: The column of captions, or several: text, or lists of text.
        id_column: Rows with the same value in it are of one image, and outputs call the image so; the image column
            itself stands for the path of the image's file. None: rows whose pixels are the same are of one image, and
            outputs call it by the number of its first row, from 0.
        split: `official` for the data set's own splits, or the proportions of train, val and test of a random split by
            image, in which images with the same pixels stay together.
        split_names: What the data set calls train, val and test: a name each, or several in a list.
        split_column: The column that has these names; None where they are those of the data set's parts.
        source_splits: The data set's parts that are used with `split_column` or with proportions; None for all.
        split_seed: Of the random split; not the run's, so that runs of several seeds are tested on the same images.
        options: See `CommonOptions`.

    Raises:
        ValueError: A setting is out of range.
    """

    def __init__(
        self,
        *,
        path: str,
        config: str | None = None,
        revision: str | None = None,
        image_column: str = "image",
        caption_columns: str | Sequence[str] = "caption",
        id_column: str | None = None,
        split: str | Sequence[float] = "official",
        split_names: Mapping[str, str | Sequence[str]] = OWN_NAMES,
        split_column: str | None = None,
        source_splits: Sequence[str] | None = None,
        split_seed: int = 42,
        **options: Unpack[CommonOptions],
    ) -> None:
        super().__init__(**options)
        self.path = str(path)
        self.config = config
        self.revision = revision
        self.columns = columns_of(image_column, caption_columns, id_column, split_column)
        self.choice = SplitChoice.of(self.path, split, split_names, split_column, source_splits, split_seed)

    @property
    def source(self) -> str:
        return "hf"

    def read_splits(self) -> dict[SplitName, CaptionSplit]:
        """Fetch the data set, and return its splits without what cannot be used.

        Raises:
            ValueError: There is no such data set, it lacks a column or a split, or it holds bad data that is not to be
                skipped.
        """
        found = open_source(self.path, config=self.config, revision=self.revision)
        used = {name: found[name] for name in self.choice.used(found)}
        check_columns(used, self.columns, self.path)
        here = Path(self.path).expanduser()
        folder = here if here.is_dir() else here.parent if here.is_file() else Path()
        parts = read_parts(used, self.columns, folder=folder, cache_dir=self.cache_dir / "hugging_face")
        rows_of_split = rows_of_splits(self.choice, parts, used)
        usable_R = self._usable(parts, rows_of_split)
        return {name: self._split(name, parts, rows, usable_R) for name, rows in rows_of_split.items()}

    def _usable(self, parts: Parts, rows_of_split: Mapping[SplitName, Integers]) -> np.ndarray:
        """Return which rows can be used; others in any of the splits are an error or are left out."""
        bad = BadData()
        chosen = np.unique(np.concatenate([*rows_of_split.values()]))
        usable_R = np.ones(len(parts.rows), dtype=bool)
        for kind, names_of_row in parts.faults().items():
            for row in chosen[np.isin(chosen, [*names_of_row])].tolist():
                bad.add(kind, names_of_row[row])
                usable_R[row] = False
        self.settle(bad, root=self.path, folder="hugging_face", setting="data.path")
        for name, rows in rows_of_split.items():
            if not usable_R[rows].any():
                raise ValueError(f"data.path={self.path}: no row of the {name} split can be used; left out: {bad}")
        return usable_R

    def _split(self, name: SplitName, parts: Parts, numbers: Integers, usable_R: np.ndarray) -> CaptionSplit:
        """Return a split of the rows with these numbers."""
        of_split = parts.rows.take(numbers)
        image_R = image_of_rows(of_split)  # also of rows that are left out, so that the others keep their names
        _, first_row = np.unique(image_R, return_index=True)
        kept = np.flatnonzero(usable_R[numbers])
        rows = of_split.take(kept)
        images_N, representative, image_of_row = np.unique(image_R[kept], return_index=True, return_inverse=True)
        firsts = first_row[images_N]
        return HuggingFaceSplit(
            sources=parts.images,
            places_N2=rows.places_R2[representative],
            image_ids=numbers[firsts].tolist(),
            image_names=parts.names(numbers[firsts], self.choice.several(name, len(parts.images))),
            captions=captions_of_images(rows, image_of_row, len(images_N)),
            file_keys_N2=rows.keys_R2[representative],
            image_size=self.image_size,
        )
