"""Captioned images that the library `datasets` streams: nothing is fetched as a whole."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from datamodules.hugging_face.columns import Columns, check_columns
from datamodules.hugging_face.hugging_face_datamodule import OWN_NAMES
from datamodules.hugging_face.row_stream import Part
from datamodules.hugging_face.selection import names_of_splits
from datamodules.hugging_face.source import open_stream
from datamodules.image_files.bad_data import OnBadData
from datamodules.shards import WebDatasetDataModule
from datamodules.split import SplitName
from datamodules.tokenizers import TokenizerFitter
from datamodules.transformed_view import Transform


class HuggingFaceStreamingDataModule(WebDatasetDataModule):
    """Serves a data set of the hub, or one in Parquet files, part by part: each part of its files is a tar shard.

    The data set is read once from its first row to its last, for the index of its captions; after that, parts are
    fetched shortly before they are visited, and few are kept. Each row is an image of its own. Order, exact resuming
    and several processes are those of `WebDatasetDataModule`.

    Args:
        path: A name on the hub, `owner/name`; or a Parquet or Arrow file; or a folder with such files, or with images
            and a `metadata.csv` or `metadata.jsonl`.
        tokenizer: See `CaptionDataModule`, like all that is listed neither here nor in `WebDatasetDataModule`.
        config: The configuration, where the data set has several.
        revision: The branch, tag or commit of a data set of the hub; None for the newest.
        image_column: The column of images: the library's, encoded bytes, or paths of files.
        caption_columns: The column of captions, or several: text, or lists of text.
        id_column: The column of the images' names, text or whole numbers; the image column itself stands for the path
            of the image's file. None: outputs call images by split, part and row.
        split_names: What the data set calls train, val and test: a name each, or several in a list.

    Raises:
        ValueError: A setting is out of range, or a library is missing.
    """

    def __init__(
        self,
        *,
        path: str,
        tokenizer: TokenizerFitter | None,
        config: str | None = None,
        revision: str | None = None,
        image_column: str = "image",
        caption_columns: str | Sequence[str] = "caption",
        id_column: str | None = None,
        split_names: Mapping[str, str | Sequence[str]] = OWN_NAMES,
        max_val_images: int | None = None,
        shuffle_buffer: int = 10_000,
        kept_shards: int | None = 64,
        on_bad_data: OnBadData = "error",
        train_transform: Transform | None = None,
        image_size: int = 224,
        batch_size: int = 64,
        captions_per_image: int | None = 5,
        include_longest_caption: bool = False,
        num_workers: int = 2,
        cache_features: bool = False,
        cache_dir: str | Path = ".cache",
        look: bool = False,
    ) -> None:
        super().__init__(
            root=str(path),
            tokenizer=tokenizer,
            max_val_images=max_val_images,
            shuffle_buffer=shuffle_buffer,
            kept_shards=kept_shards,
            on_bad_data=on_bad_data,
            train_transform=train_transform,
            image_size=image_size,
            batch_size=batch_size,
            captions_per_image=captions_per_image,
            include_longest_caption=include_longest_caption,
            num_workers=num_workers,
            cache_features=cache_features,
            cache_dir=cache_dir,
            look=look,
        )
        captions = (caption_columns,) if isinstance(caption_columns, str) else (*caption_columns,)
        if not captions:
            raise ValueError("data.caption_columns must name at least one column, got none")
        self.config = config
        self.revision = revision
        self.columns = Columns(image_column, captions, id_column)
        self.split_names = names_of_splits(split_names)

    @property
    def source(self) -> str:
        return "hf_streaming"

    def shards(self) -> dict[SplitName, list[str]]:
        """Return the addresses of the parts of each split (see `row_stream.Part`).

        Raises:
            ValueError: There is no such data set, or it lacks a split or a column.
        """
        found = open_stream(self.root, config=self.config, revision=self.revision)
        for name, parts in self.split_names.items():
            for part in parts:
                if part not in found:
                    raise ValueError(
                        f"data.split_names.{name}={part}: {self.root} has no such split, only "
                        f"{', '.join(map(repr, found))}; name one of them"
                    )
        used = {part: found[part] for parts in self.split_names.values() for part in parts}
        check_columns(used, self.columns, self.root)
        return {
            name: [
                Part(self.root, self.config, self.revision, part, number, used[part].num_shards, self.columns).address()
                for part in parts
                for number in range(used[part].num_shards)
            ]
            for name, parts in self.split_names.items()
        }
