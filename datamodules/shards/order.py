"""The order in which an epoch visits the images of shards: by shard, shuffled in a buffer, all of them exactly once.

Shape legend: S shards, N images of all shards, P images of one process.
"""

import math
from collections.abc import Callable, Iterator, Sequence, Sized

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset, SequentialSampler

from datamodules.batch import CaptionSample, UnreadableImage
from datamodules.sampler import ResumableDistributedSampler, ResumableLoader, SampleRequest
from utils.seeding import derive_seed


def num_batches(num_images: int, *, batch_size: int, num_processes: int) -> int:
    """Return how many batches an epoch has on each process: the fewest that hold all images.

    With `batch_size=1` and a number of images that the processes do not share evenly, some batches hold two.
    """
    return min(math.ceil(num_images / (batch_size * num_processes)), num_images // num_processes)


def share(length: int, parts: int, part: int) -> range:
    """Return which of `length` things are of part `part`; the parts are equal but for one thing."""
    return range(part * length // parts, (part + 1) * length // parts)


def shuffled_numbers(
    ends_S: NDArray[np.int64], *, buffer: int, seed: int, epoch: int, num_processes: int = 1, rank: int = 0
) -> NDArray[np.int64]:
    """Return the numbers of the images that a process visits in an epoch, in order: [P].

    The shards are put in random order, and their images, one shard after the other, are cut into a stretch for each
    process, equal but for one image; a border may go through a shard. Within its stretch an image is moved back by
    less than `buffer` places at random, as by a buffer from which the next image is drawn: no more than `buffer` images
    lie between the first one that is yet to be visited and the last one that is visited.

    All follows from the arguments, so that it is the same in a run that goes on, and on any number of workers.

    Args:
        ends_S: How many images there are up to and with each shard.
        buffer: Images; 1 visits a shard's images in their order.
        seed: Of the run.
        epoch: Which one, from 0.
        num_processes: How many processes share the images out.
        rank: Which of them this is.
    """
    generator = torch.Generator().manual_seed(derive_seed(seed, "shards", epoch))
    order_S = torch.randperm(len(ends_S), generator=generator).numpy()
    starts_S = np.concatenate([[0], ends_S[:-1]])
    sizes_S = ends_S - starts_S
    own = share(int(ends_S[-1]), num_processes, rank)
    parts, start = [np.empty(0, np.int64)], 0
    for shard in order_S:  # those of the stretch
        stop = start + int(sizes_S[shard])
        first, last = max(start, own.start), min(stop, own.stop)
        if first < last:
            parts.append(np.arange(first - start, last - start) + starts_S[shard])
        start = stop
    numbers_P = np.concatenate(parts)
    generator.manual_seed(derive_seed(seed, "buffer", epoch, rank))
    delays_P = torch.rand(len(numbers_P), generator=generator, dtype=torch.float64).numpy() * buffer
    moved: NDArray[np.int64] = numbers_P[np.argsort(np.arange(len(numbers_P)) + delays_P, kind="stable")]
    return moved


class ShardSampler(ResumableDistributedSampler):
    """Deals the images of shards out to batches: every image is in exactly one batch of an epoch (`shuffled_numbers`).

    Each process has the same number of batches, and batches differ by one image at most: none is left over.

    Args:
        images: Only their number matters.
        ends_S: How many of them there are up to and with each shard.
        buffer: Images that are shuffled among each other.
        batch_size: Most images of a batch.
        seed: Of the run.
        num_processes: How many processes train.
        rank: Which of them this is.
        ahead: Is called with the numbers of images that are to be visited soon.

    Attributes:
        first: How many of this process's batches the next iteration leaves out, for they were visited before.
    """

    def __init__(
        self,
        images: Sized,
        ends_S: NDArray[np.int64],
        *,
        buffer: int,
        batch_size: int,
        seed: int,
        num_processes: int = 1,
        rank: int = 0,
        ahead: Callable[[NDArray[np.int64]], None] | None = None,
    ) -> None:
        super().__init__(images, seed=seed, num_processes=num_processes, rank=rank)
        self.ends_S = ends_S
        self.buffer = buffer
        self.batch_size = batch_size
        self.ahead = ahead

    def __len__(self) -> int:
        return num_batches(int(self.ends_S[-1]), batch_size=self.batch_size, num_processes=self.num_replicas)

    def __iter__(self) -> Iterator[list[SampleRequest]]:  # type: ignore[override] # whole batches
        first, self.first = self.first, 0
        numbers_P = shuffled_numbers(
            self.ends_S,
            buffer=self.buffer,
            seed=self.seed,
            epoch=self.epoch,
            num_processes=self.num_replicas,
            rank=self.rank,
        )
        for batch in range(first, len(self)):
            own = share(len(numbers_P), len(self), batch)
            if self.ahead is not None:
                self.ahead(numbers_P[own.start : own.stop + self.buffer])
            yield [self._request(int(number)) for number in numbers_P[own.start : own.stop]]


class SameShards(ShardSampler, SequentialSampler):  # type: ignore[misc] # Lightning would replace any other sampler
    """Visits the images in the order of the first epoch in all of them, for `trainer.overfit_batches`."""

    def set_epoch(self, epoch: int) -> None:
        """Stay with the first epoch."""


class Batches(Dataset[list[CaptionSample | UnreadableImage]]):
    """A data set of whole batches, each for the list of its requests.

    Args:
        samples: A data set of single images.
    """

    def __init__(self, samples: Dataset[CaptionSample | UnreadableImage]) -> None:
        self.samples = samples

    def __getitem__(self, requests: Sequence[SampleRequest]) -> list[CaptionSample | UnreadableImage]:
        return [self.samples[request] for request in requests]


class ShardLoader(ResumableLoader):
    """Loads the batches of a `ShardSampler`; its data set is one of `Batches`, and its own `batch_size` is None."""

    sampler: ShardSampler

    def __len__(self) -> int:
        return len(self.sampler)

    def _shape(self) -> dict[str, int | None]:
        order = self.sampler
        return {
            "batch_size": order.batch_size,
            "num_processes": order.num_replicas,
            "seed": order.seed,
            "shuffle_buffer": order.buffer,
        }
