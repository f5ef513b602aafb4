"""Scenes that the project draws itself, whose captions can be checked: nothing to download."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from datamodules.caption_datamodule import CaptionDataModule, SplitName
from datamodules.image_files.keys import ImageKeys, pixel_key, spoken_key
from datamodules.shapes.attributes import scene_attributes
from datamodules.shapes.drawing import Pixels
from datamodules.shapes.factors import caption_factors, scene_factors
from datamodules.shapes.grammar import captions_at
from datamodules.shapes.image_cache import ImageCache
from datamodules.shapes.read_scene import ReadScene
from datamodules.shapes.reading import read_scenes
from datamodules.shapes.scene import scene_at
from datamodules.shapes.truth import caption_is_true
from datamodules.split import CaptionSplit
from datamodules.tokenizers import TokenizerFitter
from metrics.factor import Factor
from metrics.image_facts import FactAttribute, ReadImage
from utils.cache_key import cache_key

MIN_IMAGE_SIZE = 32  # below it a small object is less than six pixels wide


@dataclass
class ShapesSplit:
    """A range of a world's scenes; `images` [N, 3, size, size] holds theirs alone, in order."""

    image_ids: Sequence[int]
    captions: Sequence[Sequence[str]]
    images: Pixels

    @property
    def image_names(self) -> Sequence[str | int]:
        return self.image_ids

    @property
    def image_fingerprint(self) -> str:
        return cache_key(pixels=np.ascontiguousarray(self.images))

    @cached_property
    def image_keys(self) -> ImageKeys:
        _, _, height, width = self.images.shape
        images = zip(self.image_ids, self.captions, self.images, strict=True)
        keys = [
            (pixel_key(pixels.transpose(1, 2, 0).tobytes(), height, width), spoken_key(number, captions))
            for number, captions, pixels in images
        ]
        return np.array(keys, dtype=np.int64)

    def load_image(self, index: int) -> Tensor:
        """Return the pixels of image `index`: `uint8`, [3, size, size]."""
        return torch.from_numpy(self.images[index].copy())  # a copy, for the file is mapped read-only


class ShapesDataModule(CaptionDataModule):
    """Scenes 0 … num_test - 1 of a world are the test split, the next ones val, the rest train; the id is the scene's.

    Training comes last so that runs with more or less training data are tested on the same images.

    Args:
        tokenizer: See `CommonOptions`, like all that is not listed here.
        seed: The world: scenes, captions and pixels follow from it and the scene's index.
        num_train: Scenes to train on.
        num_val: Scenes to validate on.
        num_test: Scenes to test on.
        image_size: Height and width in pixels to draw at.
    """

    def __init__(
        self,
        *,
        tokenizer: TokenizerFitter | None,
        seed: int,
        num_train: int = 10_000,
        num_val: int = 500,
        num_test: int = 500,
        image_size: int = 64,
        batch_size: int = 32,
        captions_per_image: int | None = 2,
        include_longest_caption: bool = True,
        num_workers: int = 0,
        cache_features: bool = False,
        cache_dir: str | Path = ".cache",
        look: bool = False,
    ) -> None:
        super().__init__(
            tokenizer=tokenizer,
            image_size=image_size,
            batch_size=batch_size,
            captions_per_image=captions_per_image,
            include_longest_caption=include_longest_caption,
            num_workers=num_workers,
            cache_features=cache_features,
            cache_dir=cache_dir,
            look=look,
        )
        if image_size < MIN_IMAGE_SIZE:
            raise ValueError(f"data.image_size must be at least {MIN_IMAGE_SIZE} to tell the shapes, got {image_size}")
        for name, size in (("num_train", num_train), ("num_val", num_val), ("num_test", num_test)):
            if size < 1:
                raise ValueError(f"data.{name} must be at least 1, got {size}")
        self.seed = seed
        self.test_ids = range(num_test)
        self.val_ids = range(num_test, num_test + num_val)
        self.train_ids = range(num_test + num_val, num_test + num_val + num_train)
        self.cache = ImageCache(
            self.cache_dir, seed=seed, num_images=num_test + num_val + num_train, image_size=image_size
        )

    def prepare_data(self) -> None:
        """Draw all images into the cache, unless they are there."""
        self.cache.fill()

    def load_splits(self) -> dict[SplitName, CaptionSplit]:
        """Map the drawn images and write their captions.

        Raises:
            ValueError: The images were not drawn.
        """
        images = self.cache.open()
        if images is None:
            raise ValueError(f"{self.cache.path} is missing or torn; call prepare_data() before setup()")
        return {
            "train": self._split(images, self.train_ids),
            "val": self._split(images, self.val_ids),
            "test": self._split(images, self.test_ids),
        }

    def image_factors(self, image_ids: Sequence[int]) -> list[Factor]:
        return scene_factors([scene_at(self.seed, index) for index in image_ids])

    def caption_factors(self, captions: Sequence[str]) -> list[Factor]:
        return caption_factors(captions)

    def is_true(self, caption: str, image_id: int) -> bool:
        return caption_is_true(caption, scene_at(self.seed, image_id))

    def read_back(self, images_BCHW: Tensor) -> Sequence[ReadImage]:
        return [ReadScene(scene, seed=self.seed) for scene in read_scenes(images_BCHW)]

    def fact_attributes(self) -> Sequence[FactAttribute]:
        return scene_attributes()

    def _split(self, images: Pixels, ids: range) -> CaptionSplit:
        captions = [captions_at(self.seed, index) for index in ids]
        return ShapesSplit(image_ids=ids, captions=captions, images=images[ids.start : ids.stop])
