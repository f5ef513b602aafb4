"""Generates captions of the images of a split, batch by batch.

Shape legend: B images, P grid positions, D feature width.
"""

from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.split import CaptionSplit
from lightning_modules import CaptioningModule
from lightning_modules.generation import Strategy
from lightning_modules.ranking import Ranker, generate_ranked
from lightning_modules.results.generated import GeneratedBatch, GeneratedCaptions
from metrics import ImageCaptions
from utils.progress import SHOWN_AFTER, progress_bar


class ImageBatch(NamedTuple):
    """Images of a split.

    Attributes:
        numbers_B: Which of the split's images, from 0.
        images_BCHW: `uint8`.
    """

    numbers_B: Tensor
    images_BCHW: Tensor


class EncodedBatch(NamedTuple):
    """Images of a split, encoded once for all that is generated for them.

    Attributes:
        numbers: Which of the split's images, from 0.
        images_BCHW: `uint8`.
        features_BPD: As the encoder sees them.
    """

    numbers: list[int]
    images_BCHW: Tensor
    features_BPD: Tensor

    @classmethod
    def of(cls, batch: ImageBatch, captioner: CaptioningModule) -> "EncodedBatch":
        """Encode images."""
        return cls(batch.numbers_B.tolist(), batch.images_BCHW, captioner.encode(batch.images_BCHW))

    @classmethod
    def joined(cls, batches: Sequence["EncodedBatch"]) -> "EncodedBatch":
        """Return the images of several batches as one."""
        return cls(
            [number for batch in batches for number in batch.numbers],
            torch.cat([batch.images_BCHW for batch in batches]),
            torch.cat([batch.features_BPD for batch in batches]),
        )

    def first(self, num: int) -> "EncodedBatch":
        """Return the first `num` images alone."""
        return EncodedBatch(self.numbers[:num], self.images_BCHW[:num], self.features_BPD[:num])


class NumberedCaptions(NamedTuple):
    """The captions that were generated for an image of a split.

    Attributes:
        number: Which of the split's images, from 0.
        generated: Its captions.
    """

    number: int
    generated: GeneratedCaptions


class _Pixels(Dataset[ImageBatch]):
    def __init__(self, split: CaptionSplit, num_images: int) -> None:
        self.split = split
        self.num_images = num_images

    def __len__(self) -> int:
        return self.num_images

    def __getitem__(self, number: int) -> ImageBatch:
        return ImageBatch(torch.tensor(number), self.split.load_image(number))


def image_loader(
    split: CaptionSplit,
    *,
    num_images: int,
    batch_size: int,
    num_workers: int = 0,
    rank: int = 0,
    num_processes: int = 1,
) -> DataLoader[ImageBatch]:
    """Return a loader of the first images of a split, or of one process's batches of them.

    A batch holds the same images on any number of processes, so that its sums are rounded in the same way.

    Args:
        split: The images.
        num_images: How many of them, from the first on.
        batch_size: Images of a batch.
        num_workers: Processes that load images; 0 loads them in this one.
        rank: Which process this is, from 0.
        num_processes: How many take a batch each in turn.
    """
    starts = range(rank * batch_size, num_images, num_processes * batch_size)
    own = [number for start in starts for number in range(start, min(start + batch_size, num_images))]
    return DataLoader(_Pixels(split, num_images), sampler=own, batch_size=batch_size, num_workers=num_workers)


def encode_images(
    captioner: CaptioningModule, split: CaptionSplit, *, num_images: int, batch_size: int
) -> Iterator[EncodedBatch]:
    """Yield the first images of a split, encoded."""
    bar = progress_bar(total=num_images, desc="encoding images", unit="image", delay=SHOWN_AFTER, leave=False)
    with bar as progress:
        for batch in image_loader(split, num_images=num_images, batch_size=batch_size):
            encoded = EncodedBatch.of(ImageBatch(batch.numbers_B, batch.images_BCHW.to(captioner.device)), captioner)
            progress.update(len(encoded.numbers))
            yield encoded


def first_images(batches: Iterable[EncodedBatch], num: int) -> Iterator[EncodedBatch]:
    """Yield the first `num` images of batches, or all if they are fewer."""
    for batch in batches:
        if num <= 0:
            return
        yield batch.first(num)
        num -= len(batch.numbers)


def generate_batch(
    captioner: CaptioningModule,
    batch: EncodedBatch,
    split: CaptionSplit,
    strategy: Strategy,
    *,
    seed: int,
    ranker: Ranker | None = None,
) -> GeneratedBatch:
    """Generate captions of a batch (see `generate_ranked`)."""
    return generate_ranked(
        captioner,
        batch.images_BCHW,
        batch.features_BPD,
        strategy,
        seed=seed,
        ranker=ranker,
        keys=lambda: split.image_keys[batch.numbers],
    )


def numbered(batch: EncodedBatch, generated: GeneratedBatch) -> list[NumberedCaptions]:
    """Return the captions of a batch, image by image."""
    return [*map(NumberedCaptions, batch.numbers, generated.by_image())]


def generate_all(
    captioner: CaptioningModule,
    batches: Sequence[EncodedBatch],
    split: CaptionSplit,
    strategy: Strategy,
    *,
    seed: int,
    label: str = "captions",
) -> list[NumberedCaptions]:
    """Generate captions of batch after batch on this process, with a progress bar; arguments as of `generate_batch`."""
    generated: list[NumberedCaptions] = []
    with progress_bar(total=sum(len(batch.numbers) for batch in batches), desc=label, unit="image") as progress:
        for batch in batches:
            generated += numbered(batch, generate_batch(captioner, batch, split, strategy, seed=seed))
            progress.update(len(batch.numbers))
    return generated


def draws_of(images: Iterable[NumberedCaptions]) -> dict[str, float]:
    """Return how many captions were drawn of an image to select some, by name; nothing where none were left out."""
    draws = [image.generated.num_draws for image in images if image.generated.num_draws is not None]
    return {"draws/mean": fmean(draws)} if draws else {}


def with_references(images: Iterable[NumberedCaptions], split: CaptionSplit) -> list[ImageCaptions]:
    """Return generated captions beside the references of the same images: what metrics compare."""
    return [
        ImageCaptions(split.image_ids[image.number], image.generated.captions, list(split.captions[image.number]))
        for image in images
    ]
