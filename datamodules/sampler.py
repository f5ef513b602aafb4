"""The order in which a training run visits images; it can be taken up again in the middle of an epoch."""

from collections.abc import Iterator, Sized
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader, SequentialSampler
from torch.utils.data.distributed import DistributedSampler

from datamodules.batch import CaptionSample, UnreadableImage
from utils.seeding import derive_seed


class SampleRequest(NamedTuple):
    """The number of an image to load, and the seed of all that is drawn at random for it."""

    number: int
    seed: int


class ResumableDistributedSampler(DistributedSampler[SampleRequest]):
    """Visits every image once an epoch, shuffled by the run's seed and the epoch; each process takes its share.

    Images that cannot be dealt out evenly to the processes are left out; which ones, changes with the epoch.
    (Lightning leaves the order alone because it is a `DistributedSampler`, and tells it the epoch.)

    Args:
        dataset: The images; only their number matters.
        seed: Of the run.
        num_processes: How many processes train.
        rank: Which of them this is.

    Attributes:
        first: How many of this process's images the next iteration leaves out, for they were visited before.
    """

    def __init__(self, dataset: Sized, *, seed: int, num_processes: int = 1, rank: int = 0) -> None:
        super().__init__(dataset, num_replicas=num_processes, rank=rank, seed=seed, drop_last=True)  # type: ignore[arg-type]
        self.first = 0

    def __iter__(self) -> Iterator[SampleRequest]:
        first, self.first = self.first, 0
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "order", self.epoch))
        order = torch.randperm(len(self.dataset), generator=generator).tolist()  # type: ignore[arg-type]
        for index in order[self.rank : self.total_size : self.num_replicas][first:]:
            yield self._request(index)

    def _request(self, index: int) -> SampleRequest:
        return SampleRequest(index, derive_seed(self.seed, "image", self.epoch, index))


class SameOrder(ResumableDistributedSampler, SequentialSampler):  # type: ignore[misc] # Lightning would replace any other sampler
    """Visits the images in the order of the first epoch in all of them, for `trainer.overfit_batches`."""

    def set_epoch(self, epoch: int) -> None:
        """Stay with the first epoch."""


class ResumableLoader(DataLoader[CaptionSample | UnreadableImage]):
    """Loads batches in the order of a sampler; Lightning keeps its state in checkpoints, and brings it back."""

    sampler: ResumableDistributedSampler
    batch_size: int | None  # None where the sampler yields whole batches
    _handed_out = 0
    _first_batch = 0

    def __iter__(self) -> Any:
        # a generator: nothing is loaded before the first batch is asked for, when the sampler knows its epoch
        self._handed_out, self._first_batch = self._first_batch, 0
        self.sampler.first = self._handed_out * (self.batch_size or 1)
        for batch in super().__iter__():
            self._handed_out += 1
            yield batch

    def state_dict(self) -> dict[str, int | None]:
        """Return how many batches of the epoch were handed out, and what they depend on."""
        return {"batches": self._handed_out, **self._shape()}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Begin the next epoch where the state says.

        Raises:
            ValueError: It is of other batches.
        """
        if changed := [name for name, value in self._shape().items() if state[name] != value]:
            saved, here = ({name: shape[name] for name in changed} for shape in (state, self._shape()))
            raise ValueError(
                f"the checkpoint is from the middle of an epoch with {saved}, and this run has {here}; keep "
                f"data.batch_size, trainer.devices and the seed as they were, or go on from the end of an epoch"
            )
        self._first_batch = state["batches"] % len(self)

    def _shape(self) -> dict[str, int | None]:
        order = self.sampler
        return {"batch_size": self.batch_size, "num_processes": order.num_replicas, "seed": order.seed}
