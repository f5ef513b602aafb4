"""Data of any size that is made up, for measuring speed where the images themselves do not matter.

Shape legend: P grid positions, D feature width.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datamodules.caption_datamodule import SPLIT_NAMES, CaptionDataModule
from datamodules.image_files.keys import ImageKeys
from datamodules.options import CommonOptions
from datamodules.split import CaptionSplit, SplitName

CAPTIONS_OF_AN_IMAGE = 5
FEWEST_WORDS, MOST_WORDS = 6, 15  # of a caption; as most of Flickr8k's


def made_up_captions(num: int, num_words: int, seed: int) -> list[str]:
    """Return captions of words that are as frequent as those of a language (Zipf's law)."""
    generator = random.Random(seed)
    words = [f"w{number}" for number in range(num_words)]
    weights = np.cumsum([1 / (rank + 10) for rank in range(num_words)]).tolist()
    return [
        " ".join(generator.choices(words, cum_weights=weights, k=generator.randint(FEWEST_WORDS, MOST_WORDS)))
        for _ in range(num)
    ]


@dataclass
class MadeUpSplit:
    """Numbered images of one grey each, with captions.

    Attributes:
        image_ids: The numbers.
        captions: Five of each.
        image_size: Pixels, square.
    """

    image_ids: Sequence[int]
    captions: Sequence[Sequence[str]]
    image_size: int

    @property
    def image_names(self) -> Sequence[str | int]:
        return self.image_ids

    @property
    def image_fingerprint(self) -> str:
        return f"{self.image_ids[0]}-{self.image_ids[-1]}"

    @property
    def image_keys(self) -> ImageKeys:
        return np.array(self.image_ids, dtype=np.int64)[:, None]

    def load_image(self, index: int) -> Tensor:
        return torch.full((3, self.image_size, self.image_size), index % 256, dtype=torch.uint8)


class MadeUpTable:
    """Features of as many images as are asked for; a few of them in turn, as they are kept: half precision."""

    def __init__(self, num: int, positions: int, width: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.some = torch.randn(32, positions, width, generator=generator).half().numpy()
        self.num = num

    def __len__(self) -> int:
        return self.num

    def __getitem__(self, index: int) -> NDArray[Any]:
        """Return the features of image `index`: [P, D]."""
        features_PD: NDArray[Any] = self.some[index % len(self.some)]
        return features_PD


class MadeUpFeatures(CaptionDataModule):
    """Batches as those of `data.cache_features=true`: captions, and features of a frozen encoder.

    Args:
        num_train: Images of the training split.
        num_val: Of the validation split, and of the test split.
        positions: P, places of an image.
        width: D, width of the features of a place.
        num_words: Different words of the captions.
        options: See `CommonOptions`.
    """

    def __init__(
        self,
        *,
        num_train: int,
        num_val: int,
        positions: int,
        width: int,
        num_words: int,
        **options: Unpack[CommonOptions],
    ) -> None:
        super().__init__(**options)
        self.sizes = {"train": num_train, "val": num_val, "test": num_val}
        self.positions, self.width, self.num_words = positions, width, num_words

    def load_splits(self) -> dict[SplitName, CaptionSplit]:
        splits: dict[SplitName, CaptionSplit] = {}
        first = 0
        for name in SPLIT_NAMES:
            num = self.sizes[name]
            captions = made_up_captions(CAPTIONS_OF_AN_IMAGE * num, self.num_words, seed=first)
            fives = [captions[i : i + CAPTIONS_OF_AN_IMAGE] for i in range(0, len(captions), CAPTIONS_OF_AN_IMAGE)]
            splits[name] = MadeUpSplit(range(first, first + num), fives, self.image_size)
            first += num
        return splits

    def setup(self, stage: str | None = None) -> None:
        super().setup(stage)
        for seed, name in enumerate(SPLIT_NAMES):
            dataset = self.dataset(name)
            dataset.features = [MadeUpTable(len(dataset), self.positions, self.width, seed)]  # type: ignore[list-item]
            dataset.with_images = False
