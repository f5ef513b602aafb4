"""Captioned images that the library `datasets` streams: nothing is fetched as a whole."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

from datamodules.hugging_face.columns import check_columns, columns_of
from datamodules.hugging_face.hugging_face_datamodule import OWN_NAMES
from datamodules.hugging_face.row_stream import Part
from datamodules.hugging_face.selection import names_of_splits
from datamodules.hugging_face.source import open_stream
from datamodules.shards.webdataset_datamodule import ShardOptions, WebDatasetDataModule
from datamodules.split import SplitName

if TYPE_CHECKING:
    from datasets import IterableDataset


class HuggingFaceStreamingDataModule(WebDatasetDataModule):
    """Serves a data set of the hub, or one in Parquet files, part by part: each part of its files is a tar shard.

    The data set is read once from its first row to its last, for the index of its captions; after that, parts are
    fetched shortly before they are visited, and few are kept. Each row is an image of its own. Order, exact resuming
    and several processes are those of `WebDatasetDataModule`.

    Args:
        path: A name on the hub, `owner/name`; or a Parquet or Arrow file; or a folder with such files, or with images
            and a `metadata.csv` or `metadata.jsonl`.
        config: The configuration, where the data set has several.
        revision: The branch, tag or commit of a data set of the hub; None for the newest.
        image_column: The column of images: the library's, encoded bytes, or paths of files.
        caption_columns: The column of captions, or several: text, or lists of text.
        id_column: The column of the images' names, text or whole numbers; the image column itself stands for the path
            of the image's file. None: outputs call images by split, part and row.
        split_names: What the data set calls train, val and test: a name each, or several in a list.
        source_splits: The data set's splits that are used where `split` is proportions; None for all.
        options: See `WebDatasetDataModule`, and `CommonOptions`.

    Raises:
        ValueError: A setting is out of range, or a library is missing.
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
        split_names: Mapping[str, str | Sequence[str]] = OWN_NAMES,
        source_splits: Sequence[str] | None = None,
        **options: Unpack[ShardOptions],
    ) -> None:
        super().__init__(root=str(path), **options)
        self.config = config
        self.revision = revision
        self.columns = columns_of(image_column, caption_columns, id_column)
        self.split_names = names_of_splits(split_names)
        self.source_splits = source_splits
        if source_splits is not None and self.draws["train"] is None:
            raise ValueError("data.source_splits is of proportions in data.split; leave it out, or set data.split")

    @property
    def source(self) -> str:
        return "hf_streaming"

    def shards(self) -> dict[SplitName, list[str]]:
        """Return the addresses of the parts of each official split (see `row_stream.Part`).

        Raises:
            ValueError: There is no such data set, or it lacks a split or a column.
        """
        settings = {part: f"data.split_names.{name}" for name, parts in self.split_names.items() for part in parts}
        used = self._open(settings)
        return {name: self._addresses({part: used[part] for part in parts}) for name, parts in self.split_names.items()}

    def all_shards(self) -> list[str]:
        """Return the addresses of the parts of all splits that are used.

        Raises:
            ValueError: There is no such data set, or it lacks a split or a column.
        """
        return self._addresses(self._open(dict.fromkeys(self.source_splits or (), "data.source_splits")))

    def _open(self, settings: Mapping[str, str]) -> dict[str, "IterableDataset"]:
        """Return the splits of the data set that settings name, with the settings; all where none are named."""
        found = open_stream(self.root, config=self.config, revision=self.revision)
        for split, setting in settings.items():
            if split not in found:
                raise ValueError(
                    f"{setting}={split}: {self.root} has no such split, only {', '.join(map(repr, found))}; name one "
                    f"of them, or split at random with 'data.split=[0.98,0.01,0.01]'"
                )
        used = {split: found[split] for split in settings or found}
        check_columns(used, self.columns, self.root)
        return used

    def _addresses(self, splits: Mapping[str, "IterableDataset"]) -> list[str]:
        return [
            Part(self.root, self.config, self.revision, split, number, rows.num_shards, self.columns).address()
            for split, rows in splits.items()
            for number in range(rows.num_shards)
        ]
