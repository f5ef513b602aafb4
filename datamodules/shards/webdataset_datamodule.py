"""Captioned images in tar shards, as the library `webdataset` has them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning import Trainer

from datamodules.caption_datamodule import SPLIT_NAMES
from datamodules.checked_datamodule import CheckedDataModule
from datamodules.image_files.bad_data import BadData
from datamodules.options import CommonOptions
from datamodules.random_split import Draw, draws_by_proportion, proportions_of
from datamodules.shards.manifest import refuse_incomplete
from datamodules.shards.numbering import number_images
from datamodules.shards.order import Batches, SameShards, ShardLoader, ShardSampler, num_batches
from datamodules.shards.shard_files import ShardFiles
from datamodules.shards.shard_split import ShardSplit
from datamodules.shards.split_index import SplitIndex, load_index
from datamodules.shards.urls import GLOB, expand, is_remote, library
from datamodules.split import CaptionSplit, SplitName
from utils.seeding import run_seed

CACHE = "shards"  # the folder in that of the cache


class ShardOptions(CommonOptions, total=False):
    """What data in shards of whatever kind have: see `WebDatasetDataModule`."""

    split: str | Sequence[float]
    split_seed: int
    max_val_images: int | None
    shuffle_buffer: int
    kept_shards: int | None


class WebDatasetDataModule(CheckedDataModule):
    """Serves captioned images in tar shards: files, or addresses and commands from which they are fetched.

    An index tells where each sample is in its shard, so that any sample can be read alone. It lies beside a shard that
    `write_shards.py` has written; of others it is made in one pass, once. Shards that are no files of this machine are
    fetched as a whole, shortly before they are visited.

    Args:
        root: The folder or the address of the shards.
        train: Names of the shards of the training split, with braces or `*`, or addresses; see `urls.expand`.
        val: Those of the validation split.
        test: Those of the test split.
        shards: Those of all splits, where `split` is proportions.
        split: `official` for what `train`, `val` and `test` name, or the proportions of train, val and test of a random
            split of all shards by image (`random_split.Draw`), which copies of an image do not divide.
        split_seed: Of the random split; not the run's, so that runs of several seeds are tested on the same images.
        max_val_images: How many images of the validation split are used, at even distances; None for all.
        shuffle_buffer: Images that are shuffled among each other (see `order.shuffled_numbers`).
        kept_shards: How many fetched shards of the training split each process keeps in `cache_dir`, the latest; None
            for all. Those of validation and test are all kept, but for random splits, which lie in all shards.
        options: See `CommonOptions`.

    Raises:
        ValueError: A setting is out of range, or the library `webdataset` is missing.
    """

    def __init__(
        self,
        *,
        root: str,
        train: str | Sequence[str] = "train-*.tar",
        val: str | Sequence[str] = "val-*.tar",
        test: str | Sequence[str] = "test-*.tar",
        shards: str | Sequence[str] = "*.tar",
        split: str | Sequence[float] = "official",
        split_seed: int = 42,
        max_val_images: int | None = None,
        shuffle_buffer: int = 10_000,
        kept_shards: int | None = 64,
        **options: Unpack[CommonOptions],
    ) -> None:
        super().__init__(**options)
        numbers = {"max_val_images": max_val_images, "shuffle_buffer": shuffle_buffer, "kept_shards": kept_shards}
        for name, number in numbers.items():
            if number is not None and number < 1:
                raise ValueError(f"data.{name} must be at least 1, got {number}")
        library()
        self.root = root
        specs: dict[SplitName, str | Sequence[str]] = {"train": train, "val": val, "test": test}
        self.names = {name: spec if isinstance(spec, str) else [*spec] for name, spec in specs.items()}
        self.names_of_all = shards if isinstance(shards, str) else [*shards]
        proportions = proportions_of(split)
        draws = (None, None, None) if proportions is None else draws_by_proportion(proportions, split_seed)
        self.draws: dict[SplitName, Draw | None] = dict(zip(SPLIT_NAMES, draws, strict=True))
        self.max_val_images = max_val_images
        self.shuffle_buffer = shuffle_buffer
        self.kept_shards = kept_shards

    def read_splits(self) -> dict[SplitName, CaptionSplit]:
        """Make the indices of shards that have none, and return the splits without what cannot be used.

        Raises:
            ValueError: A shard is missing, cut short or cannot be reached, two images have one number, or samples
                cannot be used and are not to be skipped.
        """
        indices = self._load_indices()
        bad = BadData()
        for name, index in indices.items():
            if name == "train" or self.draws[name] is None:  # random splits are of the same shards
                for problem in index.problems:
                    bad.add(*problem)
        self.settle(bad, root=self.root, folder=CACHE)
        for name, index in indices.items():
            if not len(index) and self.draws[name] is not None:
                raise ValueError(f"data.split: the {name} split holds no image; give it a larger share of the data")
            if not len(index):
                raise ValueError(f"data.{name}={self.names[name]}: no image of the {name} split can be used ({bad})")
        numbers = number_images(indices)
        return {
            name: ShardSplit(
                index=index,
                files=self._files(name, index),
                ids=numbers[name],
                image_size=self.image_size,
                rows=self._sampled(len(index)) if name == "val" else None,
            )
            for name, index in indices.items()
        }

    def num_training_batches(self, num_processes: int) -> int:
        images = len(self.splits["train"].image_ids)
        return num_batches(images, batch_size=self.batch_size, num_processes=num_processes)

    def train_dataloader(self) -> ShardLoader:
        dataset, split = self.dataset("train"), self.splits["train"]
        assert isinstance(split, ShardSplit)
        trainer: Trainer | None = self.trainer
        processes = (trainer.world_size, trainer.global_rank) if trainer else (1, 0)
        kind = SameShards if getattr(trainer, "overfit_batches", 0) > 0 else ShardSampler
        order = kind(
            dataset,
            split.index.ends_S,
            buffer=self.shuffle_buffer,
            batch_size=self.batch_size,
            seed=run_seed(),
            num_processes=processes[0],
            rank=processes[1],
            ahead=split.fetch_ahead if split.files.any_remote and dataset.with_images else None,
        )
        return ShardLoader(Batches(dataset), sampler=order, **{**self._loading(), "batch_size": None})  # type: ignore[arg-type]

    def shards(self) -> dict[SplitName, list[str]]:
        """Return the addresses of each official split's shards.

        Raises:
            ValueError: There are none, or the folder was not written to its end.
        """
        shards = {name: expand(spec, self.root, f"data.{name}") for name, spec in self.names.items()}
        if not is_remote(self.root):
            named = [name for name, spec in self.names.items() if _is_glob_in_root(spec)]
            refuse_incomplete(Path(self.root).expanduser(), {name: shards[name] for name in named})
        return shards

    def all_shards(self) -> list[str]:
        """Return the addresses of the shards that hold all splits, where these are random.

        Raises:
            ValueError: There are none, or the folder was not written to its end.
        """
        if not is_remote(self.root):
            refuse_incomplete(Path(self.root).expanduser(), {})
        return expand(self.names_of_all, self.root, "data.shards")

    def _load_indices(self) -> dict[SplitName, SplitIndex]:
        shards = self.shards() if self.draws["train"] is None else dict.fromkeys(SPLIT_NAMES, self.all_shards())
        return {
            name: load_index(of, cache_dir=self._cache, label=name, draw=self.draws[name])
            for name, of in shards.items()
        }

    def _files(self, name: SplitName, index: SplitIndex) -> ShardFiles:
        """Return the shards of a split; of official validation and test splits all that are fetched are kept."""
        if name != "train":
            kept = None if self.draws[name] is None else self.kept_shards
            return ShardFiles(index.shards, index.tar_bytes, self._cache / "fetched" / name, kept=kept)
        rank = self.trainer.global_rank if self.trainer else 0
        folder = self._cache / "fetched" / f"{name}-{rank}"
        files = ShardFiles(index.shards, index.tar_bytes, folder, kept=self.kept_shards)
        # images that were moved back and those that are fetched ahead, with the shards at both ends
        spanned = min(2 * self.shuffle_buffer * len(index.shards) // len(index) + 3, len(index.shards))
        if files.any_remote and self.kept_shards is not None and self.kept_shards < spanned:
            raise ValueError(
                f"data.kept_shards={self.kept_shards} are fewer than the {spanned} shards that "
                f"data.shuffle_buffer={self.shuffle_buffer} spans, so that each would be fetched many times; raise "
                f"data.kept_shards or lower data.shuffle_buffer"
            )
        return files

    def _sampled(self, num_images: int) -> NDArray[np.int64] | None:
        if self.max_val_images is None or self.max_val_images >= num_images:
            return None
        return np.arange(self.max_val_images) * num_images // self.max_val_images

    @property
    def _cache(self) -> Path:
        return self.cache_dir / CACHE


def _is_glob_in_root(spec: str | list[str]) -> bool:
    return isinstance(spec, str) and GLOB.search(spec) is not None and not spec.startswith("/") and not is_remote(spec)
