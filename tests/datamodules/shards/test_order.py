"""Every image exactly once an epoch, in an order that follows from seed, epoch and place."""

import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from datamodules.sampler import SampleRequest
from datamodules.shards.order import ShardSampler, num_batches, shuffled_numbers
from utils.seeding import derive_seed

EVEN, UNEVEN, ONE, TINY = (6, 6, 6, 6), (1, 17, 4, 9, 2), (31,), (1, 1, 1)


def _ends(sizes: Sequence[int]) -> np.ndarray:
    return np.cumsum(sizes)


def _epoch(
    sizes: Sequence[int], *, batch_size: int = 4, num_processes: int = 1, rank: int = 0, epoch: int = 0, first: int = 0
) -> list[list[SampleRequest]]:
    sampler = ShardSampler(
        range(sum(sizes)),
        _ends(sizes),
        buffer=5,
        batch_size=batch_size,
        seed=7,
        num_processes=num_processes,
        rank=rank,
    )
    sampler.set_epoch(epoch)
    sampler.first = first
    return [*sampler]


@pytest.mark.parametrize("sizes", [EVEN, UNEVEN, ONE, TINY], ids=str)
@pytest.mark.parametrize("num_processes", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 64])
def test_every_image_is_visited_exactly_once_in_as_many_batches_on_each_process(
    sizes: Sequence[int], num_processes: int, batch_size: int
) -> None:
    for epoch in range(3):
        processes = [
            _epoch(sizes, batch_size=batch_size, num_processes=num_processes, rank=rank, epoch=epoch)
            for rank in range(num_processes)
        ]
        visited = Counter(request.number for batches in processes for batch in batches for request in batch)
        assert visited == Counter(range(sum(sizes)))
        lengths = [len(batch) for batches in processes for batch in batches]
        assert {len(batches) for batches in processes} == {
            num_batches(sum(sizes), batch_size=batch_size, num_processes=num_processes)
        }
        assert max(lengths) - min(lengths) <= 1
        assert 1 <= max(lengths) <= max(batch_size, 2)
        assert batch_size == 1 or max(lengths) <= batch_size


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    orders = [
        shuffled_numbers(_ends(UNEVEN), buffer=8, seed=seed, epoch=e).tolist() for seed in (0, 1) for e in range(5)
    ]
    assert len({*map(tuple, orders)}) == 10
    assert shuffled_numbers(_ends(UNEVEN), buffer=8, seed=1, epoch=4).tolist() == orders[-1]


def test_the_seed_of_an_image_follows_from_seed_epoch_and_image() -> None:
    requests = [request for batch in _epoch(EVEN, epoch=2) for request in batch]
    assert dict(requests) == {n: derive_seed(7, "image", 2, n) for n in range(24)}


def test_an_epoch_is_taken_up_at_any_batch() -> None:
    draw = random.Random(0)
    for _ in range(20):
        num_processes = draw.randint(1, 3)
        rank = draw.randrange(num_processes)
        whole = _epoch(UNEVEN, batch_size=2, num_processes=num_processes, rank=rank, epoch=5)
        first = draw.randrange(len(whole))
        rest = _epoch(UNEVEN, batch_size=2, num_processes=num_processes, rank=rank, epoch=5, first=first)
        assert rest == whole[first:]


@pytest.mark.parametrize("buffer", [1, 3, 10])
def test_no_more_images_than_the_buffer_are_between_the_first_and_the_last(buffer: int) -> None:
    sizes = [40] * 10
    in_order = shuffled_numbers(_ends(sizes), buffer=1, seed=3, epoch=1)
    place = {number: place for place, number in enumerate(in_order.tolist())}
    shards = [number // 40 for number in in_order.tolist()]
    assert [*dict.fromkeys(shards)] != [*range(10)]  # in random order
    assert shards == [shard for shard in dict.fromkeys(shards) for _ in range(40)]  # one after the other
    visited = [place[number] for number in shuffled_numbers(_ends(sizes), buffer=buffer, seed=3, epoch=1).tolist()]
    waiting, reached, most = set(range(400)), 0, 0
    for number in visited:
        waiting.remove(number)
        reached = max(reached, number)
        most = max(most, sum(other < reached for other in waiting))
    assert most < buffer
    assert (visited == sorted(visited)) == (buffer == 1)
    assert buffer == 1 or most >= buffer // 2
