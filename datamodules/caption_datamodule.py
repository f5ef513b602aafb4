"""The contract that every data set fulfils: captioned splits in, image-grouped batches out."""

import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.batch import CaptionBatch, CaptionSample, UnreadableImage, collate
from datamodules.caption_consensus import consensus_or_load
from datamodules.dataset import CaptionDataset
from datamodules.feature_cache import FeatureCache, FeatureSource
from datamodules.fingerprint import fingerprint
from datamodules.image_files.bad_data import OnBadData
from datamodules.lazy_sequences import flat_captions
from datamodules.sampler import ResumableDistributedSampler, ResumableLoader, SameOrder
from datamodules.shared_images import shared_images
from datamodules.split import CaptionSplit, SplitName
from datamodules.statistics import SplitFigures, figures_of
from datamodules.tokenizers import CaptionTokenizer, TokenizerFitter, fit_or_load
from datamodules.training_record import TrainingRecord
from datamodules.transformed_view import Transform, check_views, views_of
from metrics.caption_attributes import caption_attributes
from metrics.factor import Factor
from metrics.image_facts import FactAttribute, ReadImage
from utils.seeding import run_seed

log = logging.getLogger(__name__)

# Lightning's word on a training batch none of whose images can be read; this module says which those are
warnings.filterwarnings("ignore", message="train_dataloader yielded None")

SPLIT_NAMES: tuple[SplitName, ...] = ("train", "val", "test")


class CaptionDataModule(LightningDataModule, ABC):
    """Fits the tokenizer on the training captions alone and serves image-grouped batches.

    A data set subclasses it with `load_splits`, and with `prepare_data` where there is something to draw, check or
    cache before the processes start. Its own arguments are explained in `CommonOptions`.

    Attributes:
        left_out: The images that this process could not read, by number, with what is wrong with each.
        shared: Sentences on images that are in two splits, for whoever reads figures of them.
        unusable: What was left out, by name, for each reason.

    Raises:
        ValueError: An option is out of range.
    """

    def __init__(
        self,
        *,
        tokenizer: TokenizerFitter | None,
        image_size: int = 224,
        batch_size: int = 64,
        captions_per_image: int | None = 5,
        include_longest_caption: bool = False,
        num_workers: int = 2,
        on_bad_data: OnBadData = "error",
        train_transform: Transform | None = None,
        cache_features: bool = False,
        cached_views: int = 1,
        cache_dir: str | Path = ".cache",
        look: bool = False,
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise ValueError(f"data.batch_size must be at least 1, got {batch_size}")
        if captions_per_image is not None and captions_per_image < 1:
            raise ValueError(f"data.captions_per_image must be at least 1 (or null for all), got {captions_per_image}")
        if num_workers < 0:
            raise ValueError(f"data.num_workers must be 0 or more, got {num_workers}")
        if on_bad_data not in ("error", "skip"):
            raise ValueError(f"data.on_bad_data must be 'error' or 'skip', got {on_bad_data!r}")
        check_views(cached_views, cache_features=cache_features, has_transform=train_transform is not None)
        self.fit_tokenizer = tokenizer
        self.image_size = image_size
        self.batch_size = batch_size
        self.captions_per_image = captions_per_image
        self.include_longest_caption = include_longest_caption
        self.num_workers = num_workers
        self.on_bad_data = on_bad_data
        self.left_out: dict[int, str] = {}
        self.shared: list[str] = []
        self.unusable: Mapping[str, Sequence[str]] = {}
        self.train_transform = train_transform
        self.cache_features = cache_features
        self.cached_views = cached_views
        self.cache_dir = Path(cache_dir)
        self.look = look
        self._datasets: dict[SplitName, CaptionDataset] = {}
        self.splits: dict[SplitName, CaptionSplit] = {}
        self._tokenizer: CaptionTokenizer | None = None

    @abstractmethod
    def load_splits(self) -> dict[SplitName, CaptionSplit]:
        """Return the train, val and test splits; called once in every process, after `prepare_data`."""

    def image_factors(self, image_ids: Sequence[int]) -> list[Factor]:
        """Return what is known of how images differ, such as their number of objects; nothing by default.

        Codes are compared with it (`evaluation.interpretability`). Needs no `setup`.
        """
        return []

    def caption_factors(self, captions: Sequence[str]) -> list[Factor]:
        """Return how captions differ; the first factor is their style, which is transferred from image to image.

        By default those of `metrics.caption_attributes`, whose first is the length. Needs no `setup`.
        """
        return caption_attributes(captions)

    def is_true(self, caption: str, image_id: int) -> bool | None:
        """Return whether all that a caption claims of an image holds; None, as by default, where that is not known."""
        return None

    def read_back(self, images_BCHW: Tensor) -> Sequence[ReadImage] | None:
        """Return what pictures show, read from their pixels; None, as by default, where that cannot be told.

        By it pictures that a model makes are judged (`metrics.DrawingFacts`). Needs no `setup`.

        Args:
            images_BCHW: RGB pictures, such as those that `CaptioningModule.reconstruct` returns: `uint8`, or floats in
                [0, 1].
        """
        return None

    def fact_attributes(self) -> Sequence[FactAttribute]:
        """Return what the facts that `read_back` finds are about; none by default, nothing is read then.

        Needs no `setup`.
        """
        return ()

    def advice_on_empty(self, name: SplitName) -> str:
        """Return what to do where a split holds no image."""
        return "give it a larger share of the data"

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
                raise ValueError(f"the {name} split holds no image; {self.advice_on_empty(name)}")
        if len(splits["train"].image_ids) < self.batch_size:
            raise ValueError(
                f"data.batch_size={self.batch_size} is larger than the {len(splits['train'].image_ids)} training "
                f"images; set data.batch_size to at most {len(splits['train'].image_ids)}"
            )
        if self.fit_tokenizer is None:
            raise ValueError("data.tokenizer=null names no tokenizer to train with; choose one, such as tokenizer=word")
        training_captions = flat_captions(splits["train"].captions)
        self._tokenizer = fit_or_load(self.fit_tokenizer, training_captions, cache_dir=self.cache_dir)
        self.splits = splits
        self.shared = shared_images(splits)
        for sentence in self.shared:
            _warn(sentence)
        self._log_summary()

    @property
    def source(self) -> str:
        """The data set's name."""
        return type(self).__name__.removesuffix("DataModule").lower()

    @cached_property
    def training_record(self) -> TrainingRecord:
        """What a model will have seen that is trained on these data; there after `setup`."""
        return TrainingRecord.of(self.splits["train"], self.source)

    def _log_summary(self) -> None:
        """Tell the size of the vocabulary and of each split, and how much of the captions the tokenizer loses."""
        log.info("tokenizer: %d tokens", self.tokenizer.vocabulary.size)
        for name, split in self.splits.items():
            tokens = self.dataset(name).tokens
            unknown, cut = tokens.rates(self.tokenizer)
            log.info(
                "%s: %d images, %d captions, %.2f%% unknown words, %.2f%% of the captions cut to %d tokens",
                name,
                len(split.image_ids),
                len(tokens.caption_ends_C),
                100 * unknown,
                100 * cut,
                self.tokenizer.max_length,
            )

    def figures(self) -> dict[SplitName, SplitFigures]:
        """Return figures of each split, such as how many captions an image has; there after `setup`."""
        return figures_of(self.splits, {name: self.dataset(name).tokens for name in self.splits}, self.tokenizer)

    def views(self, name: SplitName) -> list[CaptionSplit]:
        """Return the views of a split's images of which features are kept; the first shows them as they are."""
        return views_of(self.splits[name], self.train_transform if name == "train" else None, self.cached_views)

    def feature_caches(self, source: FeatureSource) -> dict[SplitName, list[FeatureCache]]:
        """Return the files of splits' features, view by view; to be created and filled before `use_features`.

        The test is of the images themselves, as it is by `evaluate.py`: features are kept in half precision.
        """
        folder = self.cache_dir / "features"
        skip = self.on_bad_data == "skip"
        kept = [name for name in self.splits if name != "test"]
        return {
            name: [FeatureCache(folder, view, source, skip_bad_images=skip) for view in self.views(name)]
            for name in kept
        }

    def use_features(self, caches: Mapping[SplitName, Sequence[FeatureCache]], *, with_images: bool) -> None:
        """Let batches bring features from now on, also those of loaders that were made before.

        Args:
            caches: Filled ones.
            with_images: Whether they bring images, too; without, no image is read.
        """
        for name, of_views in caches.items():
            dataset = self.dataset(name)
            dataset.features, dataset.with_images = [cache.open() for cache in of_views], with_images
            dataset.without_features = frozenset(number for cache in of_views for number in cache.missing())

    def consensus(self) -> NDArray[np.float32]:
        """Return CIDEr-D of each training caption with the others of its image: [C] (see `consensus_or_load`)."""
        return consensus_or_load(self.splits["train"].captions, cache_dir=self.cache_dir)

    def weigh_captions(self, of_image: Callable[[Tensor], Tensor]) -> None:
        """Let training batches bring weights of their captions from now on, also those of loaders that are there.

        Args:
            of_image: From the `consensus` of an image's captions to their weights.
        """
        dataset = self.dataset("train")
        by_image = torch.from_numpy(self.consensus()).tensor_split(dataset.tokens.image_ends_N[:-1].tolist())
        dataset.weights_C = torch.cat([of_image(consensus_K) for consensus_K in by_image])

    def dataset(self, name: SplitName) -> CaptionDataset:
        """Return the samples of a split, which its batches are made of; there after `setup`."""
        if name not in self._datasets:
            self._datasets[name] = CaptionDataset(
                self.splits[name],
                self.tokenizer,
                captions_per_image=self.captions_per_image if name == "train" else None,
                include_longest_caption=self.include_longest_caption,
                transform=self.train_transform if name == "train" and not self.cache_features else None,
                skip_bad_images=self.on_bad_data == "skip",
                cache_dir=self.cache_dir,
            )
        return self._datasets[name]

    def fingerprint(self) -> dict[str, str]:
        """Return checksums of the images and captions of each split, by which a resumed run knows its data."""
        return fingerprint(self.splits)

    def on_before_batch_transfer(self, batch: CaptionBatch, dataloader_idx: int) -> CaptionBatch | None:
        """Note which images were left out; a training batch without any image on some process is None on all.

        The processes wait for each other at every training step, so none can leave it out alone.
        """
        for image in batch.left_out:
            if image.image_id not in self.left_out:
                log.warning("left out: %s", image.problem)
            self.left_out[image.image_id] = image.problem
        if self.on_bad_data == "error" or self.trainer is None or not self.trainer.training:
            return batch
        empty = self.trainer.strategy.reduce_boolean_decision(len(batch.image_ids_B) == 0, all=False)
        return None if empty else batch

    def num_training_batches(self, num_processes: int) -> int:
        """Return how many batches an epoch of training has on each process; there after `setup`."""
        return len(self.splits["train"].image_ids) // num_processes // self.batch_size

    def train_dataloader(self) -> ResumableLoader:
        dataset = self.dataset("train")
        processes = (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)
        overfits = getattr(self.trainer, "overfit_batches", 0) > 0
        kind = SameOrder if overfits else ResumableDistributedSampler
        order = kind(dataset, seed=run_seed(), num_processes=processes[0], rank=processes[1])
        return ResumableLoader(dataset, sampler=order, drop_last=True, **self._loading())

    def val_dataloader(self) -> DataLoader[CaptionSample | UnreadableImage]:
        return DataLoader(self.dataset("val"), **self._loading())

    def test_dataloader(self) -> DataLoader[CaptionSample | UnreadableImage]:
        return DataLoader(self.dataset("test"), **self._loading())

    def _loading(self) -> dict[str, Any]:
        return {
            "batch_size": self.batch_size,
            "num_workers": self.num_workers,
            "persistent_workers": self.num_workers > 0,
            "pin_memory": torch.cuda.is_available(),
            "collate_fn": partial(collate, pad_id=self.tokenizer.vocabulary.pad_id),
        }


@rank_zero_only
def _warn(sentence: str) -> None:
    log.warning(sentence)
