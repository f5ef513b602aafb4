"""Says captions of the images of a split, batch by batch.

Shape legend: B images, P grid positions, D feature width, N captions, image by image, L tokens.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from datamodules.image_files.keys import ImageKeys
from datamodules.split import CaptionSplit
from lightning_modules import CaptioningModule
from lightning_modules.generation import Strategy
from lightning_modules.ranking import Candidates, Ranker, best_first
from metrics import ImageCaptions
from utils.seeding import generators_of_images


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


class GeneratedCaptions(NamedTuple):
    """The captions that were generated for an image.

    Attributes:
        number: Which of the split's images, from 0.
        captions: Best first where they were ranked.
        tokens_NL: The same as tokens, after the prefix, padded.
        log_probabilities: log P(caption | codes) of each in nats.
        scores: What they are ranked by.
        finished: Whether each came to its end.
    """

    number: int
    captions: list[str]
    tokens_NL: Tensor
    log_probabilities: list[float]
    scores: list[float]
    finished: list[bool]

    def first(self, num: int | None) -> "GeneratedCaptions":
        """Return the first `num` captions alone, or all."""
        rows = slice(num)
        return GeneratedCaptions(
            self.number,
            self.captions[rows],
            self.tokens_NL[rows],
            self.log_probabilities[rows],
            self.scores[rows],
            self.finished[rows],
        )


class _Pixels(Dataset[tuple[int, Tensor]]):
    def __init__(self, split: CaptionSplit, num_images: int) -> None:
        self.split = split
        self.num_images = num_images

    def __len__(self) -> int:
        return self.num_images

    def __getitem__(self, number: int) -> tuple[int, Tensor]:
        return number, self.split.load_image(number)


def encoded_batches(
    captioner: CaptioningModule,
    split: CaptionSplit,
    *,
    num_images: int,
    batch_size: int,
    num_workers: int = 0,
) -> Iterator[EncodedBatch]:
    """Yield the first images of a split, encoded."""
    loader = DataLoader(_Pixels(split, num_images), batch_size=batch_size, num_workers=num_workers)
    for number_B, images_BCHW in loader:
        images_BCHW = images_BCHW.to(captioner.device)
        yield EncodedBatch(number_B.tolist(), images_BCHW, captioner.encode(images_BCHW))


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
    strategy: Strategy,
    *,
    ids: Sequence[int],
    seed: int,
    ranker: Ranker | None = None,
    keys: Callable[[], ImageKeys] | None = None,
) -> list[GeneratedCaptions]:
    """Say captions of a batch; what an image draws depends on the seed and its id alone.

    Args:
        captioner: The captioner.
        batch: The images.
        strategy: How.
        ids: The data set's number of each image.
        seed: Of all that is drawn.
        ranker: Brings each image's captions into its order, best first.
        keys: What the images are known by, for the ranker.
    """
    generated = captioner.generate(batch.features_BPD, strategy, generators=generators_of_images(seed, ids))
    if ranker is not None:
        generated = best_first(
            generated, ranker(captioner, Candidates(batch.images_BCHW, batch.features_BPD, generated, keys))
        )
    parts = (
        part.unflatten(0, (len(batch.numbers), -1)).cpu()
        for part in (generated.tokens_NL, generated.log_probability_N, generated.score_N, generated.finished_N)
    )
    return [
        GeneratedCaptions(number, captions, tokens_NL, nats_N.tolist(), score_N.tolist(), finished_N.tolist())
        for number, captions, tokens_NL, nats_N, score_N, finished_N in zip(
            batch.numbers, generated.captions, *parts, strict=True
        )
    ]


def generate_all(
    captioner: CaptioningModule,
    batches: Iterable[EncodedBatch],
    split: CaptionSplit,
    strategy: Strategy,
    *,
    seed: int,
    num_images: int,
    ranker: Ranker | None = None,
    label: str = "captions",
) -> Iterator[tuple[EncodedBatch, list[GeneratedCaptions]]]:
    """Say captions of batch after batch, with a progress bar; arguments as for `generate_batch`."""
    keys_NK = None if ranker is None else split.image_keys
    with tqdm(total=num_images, desc=label, unit="image") as progress:
        for batch in batches:
            ids = [split.image_ids[number] for number in batch.numbers]
            keys = None if keys_NK is None else partial(keys_NK.__getitem__, batch.numbers)
            yield batch, generate_batch(captioner, batch, strategy, ids=ids, seed=seed, ranker=ranker, keys=keys)
            progress.update(len(batch.numbers))


def with_references(generated: Iterable[GeneratedCaptions], split: CaptionSplit) -> list[ImageCaptions]:
    """Return generated captions beside the references of the same images: what metrics compare."""
    return [
        ImageCaptions(split.image_ids[image.number], image.captions, list(split.captions[image.number]))
        for image in generated
    ]
