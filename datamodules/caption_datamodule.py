"""The contract that every data set fulfils: captioned splits in, image-grouped batches out."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader

from datamodules.batch import CaptionSample, collate
from datamodules.caption_split import CaptionDataset, CaptionSplit
from datamodules.data_fingerprint import fingerprint
from datamodules.feature_cache import FeatureCache, FeatureSource
from datamodules.seeding import run_seed
from datamodules.tokenizers import CaptionTokenizer, TokenizerFitter, fit_or_load
from datamodules.training_order import ResumableLoader, TrainingOrder

log = logging.getLogger(__name__)

SplitName = Literal["train", "val", "test"]
SPLIT_NAMES: tuple[SplitName, ...] = ("train", "val", "test")


class CaptionDataModule(LightningDataModule, ABC):
    """Fits the tokenizer on the training captions alone and serves image-grouped batches.

    A data set subclasses it with `load_splits`, and with `prepare_data` where there is something to draw, check or
    cache before the processes start.

    Args:
        tokenizer: Fits a tokenizer on the training captions (see `datamodules.tokenizers`).
        image_size: Height and width in pixels of the images that the splits yield.
        batch_size: Images a batch on each process.
        captions_per_image: Captions of each image in a training batch, drawn at random; None for all.
        always_longest: Whether the longest caption of an image is always among the drawn ones: the one that the image
            is redrawn from.
        num_workers: Processes that load images; 0 loads in the training process.
        cache_features: Whether a frozen encoder sees each image once, before training, and its features are kept.
        cache_dir: Folder for what is computed once (fitted tokenizers, drawn or checked images, features).
    """

    def __init__(
        self,
        *,
        tokenizer: TokenizerFitter,
        image_size: int,
        batch_size: int = 64,
        captions_per_image: int | None = 5,
        always_longest: bool = False,
        num_workers: int = 0,
        cache_features: bool = False,
        cache_dir: str | Path = ".cache",
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise ValueError(f"data.batch_size must be at least 1, got {batch_size}")
        if captions_per_image is not None and captions_per_image < 1:
            raise ValueError(f"data.captions_per_image must be at least 1 (or null for all), got {captions_per_image}")
        if num_workers < 0:
            raise ValueError(f"data.num_workers must be 0 or more, got {num_workers}")
        self.fit_tokenizer = tokenizer
        self.image_size = image_size
        self.batch_size = batch_size
        self.captions_per_image = captions_per_image
        self.always_longest = always_longest
        self.num_workers = num_workers
        self.cache_features = cache_features
        self.cache_dir = Path(cache_dir)
        self._datasets: dict[SplitName, CaptionDataset] = {}
        self.splits: dict[SplitName, CaptionSplit] = {}
        self._tokenizer: CaptionTokenizer | None = None

    @abstractmethod
    def load_splits(self) -> dict[SplitName, CaptionSplit]:
        """Return the train, val and test splits; called once in every process, after `prepare_data`."""

    @property
    def tokenizer(self) -> CaptionTokenizer:
        """The fitted tokenizer; there after `setup`."""
        assert self._tokenizer is not None, "call setup() first"
        return self._tokenizer

    def setup(self, stage: str | None = None) -> None:
        """Load the splits, check their sizes, and fit the tokenizer or read it from the cache."""
        if self.splits:
            return
        splits = self.load_splits()
        for name, split in splits.items():
            if len(split.image_ids) == 0:
                raise ValueError(f"the {name} split holds no image; give it a larger share of the data")
        if len(splits["train"].image_ids) < self.batch_size:
            raise ValueError(
                f"data.batch_size={self.batch_size} is larger than the {len(splits['train'].image_ids)} training "
                f"images; set data.batch_size to at most {len(splits['train'].image_ids)}"
            )
        training_captions = [caption for captions in splits["train"].captions for caption in captions]
        self._tokenizer = fit_or_load(self.fit_tokenizer, training_captions, cache_dir=self.cache_dir)
        self.splits = splits
        self._log_summary()

    def _log_summary(self) -> None:
        for name, split in self.splits.items():
            captions = [caption for group in split.captions for caption in group]
            log.info(
                "%s: %d images, %d captions, %.2f%% unknown words",
                name,
                len(split.image_ids),
                len(captions),
                100 * self.tokenizer.unknown_rate(captions),
            )

    def feature_caches(self, source: FeatureSource) -> dict[SplitName, FeatureCache]:
        """Return the file of each split's features; to be created and filled before `use_features`."""
        return {name: FeatureCache(self.cache_dir / "features", split, source) for name, split in self.splits.items()}

    def use_features(self, caches: Mapping[SplitName, FeatureCache], *, with_images: bool) -> None:
        """Let batches bring features from now on, also those of loaders that were made before.

        Args:
            caches: Filled ones.
            with_images: Whether they bring images, too; without, no image is read.
        """
        for name, cache in caches.items():
            dataset = self._dataset(name)
            dataset.features_TPD, dataset.with_images = cache.open(), with_images

    def _dataset(self, name: SplitName) -> CaptionDataset:
        if name not in self._datasets:
            self._datasets[name] = CaptionDataset(
                self.splits[name],
                self.tokenizer,
                captions_per_image=self.captions_per_image if name == "train" else None,
                always_longest=self.always_longest,
            )
        return self._datasets[name]

    def fingerprint(self) -> dict[str, str]:
        """Return checksums of the images and captions of each split, by which a resumed run knows its data."""
        return fingerprint(self.splits)

    def train_dataloader(self) -> ResumableLoader:
        dataset = self._dataset("train")
        processes = (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)
        order = TrainingOrder(dataset, seed=run_seed(), num_processes=processes[0], rank=processes[1])
        return ResumableLoader(dataset, sampler=order, drop_last=True, **self._loading())

    def val_dataloader(self) -> DataLoader[CaptionSample]:
        return DataLoader(self._dataset("val"), **self._loading())

    def test_dataloader(self) -> DataLoader[CaptionSample]:
        return DataLoader(self._dataset("test"), **self._loading())

    def _loading(self) -> dict[str, Any]:
        return {
            "batch_size": self.batch_size,
            "num_workers": self.num_workers,
            "persistent_workers": self.num_workers > 0,
            "pin_memory": torch.cuda.is_available(),
            "collate_fn": partial(collate, pad_id=self.tokenizer.vocabulary.pad_id),
        }
