"""A split's images changed at random, but each always in the same way: a further view of them that can be kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from datamodules.image_files.keys import ImageKeys
from datamodules.split import CaptionSplit
from utils.cache_key import cache_key

Transform = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class TransformedView:
    """Another view of a split; fulfils `CaptionSplit`.

    Attributes:
        split: The images as they are.
        transform: Changes an image ([3, size, size], `uint8`) at random.
        number: Of this view; views of other numbers are changed in other ways.
    """

    split: CaptionSplit
    transform: Transform
    number: int

    @property
    def image_ids(self) -> Sequence[int]:
        return self.split.image_ids

    @property
    def captions(self) -> Sequence[Sequence[str]]:
        return self.split.captions

    @property
    def image_names(self) -> Sequence[str | int]:
        return self.split.image_names

    @property
    def image_fingerprint(self) -> str:
        """A checksum of the images, of all that the transform holds, and of the view's number.

        Raises:
            ValueError: The transform holds what nobody can tell from another of its kind.
        """
        try:
            return cache_key(images=self.split.image_fingerprint, transform=self.transform, number=self.number)
        except ValueError as error:
            raise ValueError(f"data.train_transform, whose views data.cached_views keeps: {error}") from error

    @property
    def image_keys(self) -> ImageKeys:
        return self.split.image_keys

    def load_image(self, index: int) -> Tensor:
        """Return image `index` of the split as it looks in this view: `uint8`, [3, size, size], RGB.

        Raises:
            ValueError: The transform changes the shape or type of the image.
        """
        image = self.split.load_image(index)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.number * len(self.image_ids) + index)
            return apply_transform(self.transform, image)


def apply_transform(transform: Transform, image: Tensor) -> Tensor:
    """Return the changed image.

    Raises:
        ValueError: The transform changes its shape or type.
    """
    changed = transform(image)
    if changed.shape != image.shape or changed.dtype != torch.uint8:
        raise ValueError(
            f"data.train_transform must return a uint8 tensor of shape {list(image.shape)}, got "
            f"{changed.dtype} of shape {list(changed.shape)}; leave resizing to data.image_size and normalising "
            f"to the encoder"
        )
    return changed


def views_of(split: CaptionSplit, transform: Transform | None, num: int) -> list[CaptionSplit]:
    """Return `num` views of a split's images: as they are, and the others each changed in its own way.

    Args:
        split: The images.
        transform: Changes an image at random; None for the images as they are alone.
        num: Views, the first among them.
    """
    if transform is None:
        return [split]
    return [split, *(TransformedView(split=split, transform=transform, number=number) for number in range(1, num))]


def check_views(cached_views: int, *, cache_features: bool, has_transform: bool) -> None:
    """Refuse settings of a data set that contradict each other about views of its training images.

    Args:
        cached_views: Views of each training image that features are kept of.
        cache_features: Whether features are kept.
        has_transform: Whether something changes training images.

    Raises:
        ValueError: There is nothing that views differ by, or nothing but changed images to keep.
    """
    if cached_views < 1:
        raise ValueError(f"data.cached_views must be at least 1, got {cached_views}")
    if cached_views > 1 and not has_transform:
        raise ValueError(
            f"data.cached_views={cached_views} keeps features of images that data.train_transform changes; set it and "
            f"data.cache_features=true, or data.cached_views=1"
        )
    if cache_features and has_transform and cached_views == 1:
        raise ValueError(
            "data.cache_features=true keeps what the encoder sees of each image, which data.train_transform would "
            "change each time; set data.cached_views to the number of views to keep, or leave one of them out"
        )
