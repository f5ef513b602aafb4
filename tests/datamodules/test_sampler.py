import random

import numpy as np
import pytest
import torch

from datamodules.batch import CaptionSample, collate
from datamodules.dataset import CaptionDataset
from datamodules.sampler import ResumableDistributedSampler, ResumableLoader
from datamodules.tokenizers import fit_word
from tests.datamodules.in_memory_split import InMemorySplit
from utils.seeding import derive_seed, seed_cpu


def _order(epoch: int, seed: int = 0, size: int = 11, num_processes: int = 1, rank: int = 0) -> list[int]:
    order = ResumableDistributedSampler(range(size), seed=seed, num_processes=num_processes, rank=rank)
    order.set_epoch(epoch)
    return [visit.number for visit in order]


def test_every_epoch_visits_every_image_in_an_order_of_its_own() -> None:
    orders = [_order(epoch) for epoch in range(20)]
    assert all(sorted(order) == [*range(11)] for order in orders)
    assert len({*map(tuple, orders)}) == 20
    assert _order(3) == orders[3]
    assert _order(3, seed=1) != orders[3]


def test_processes_share_the_images_out_and_none_gets_one_twice() -> None:
    shares = [_order(5, num_processes=3, rank=rank) for rank in range(3)]
    assert [len(share) for share in shares] == [3, 3, 3]
    assert [*zip(*shares, strict=True)] == [*zip(*[iter(_order(5)[:9])] * 3, strict=True)]


def test_the_seed_of_an_image_follows_from_seed_epoch_and_image() -> None:
    order = ResumableDistributedSampler(range(5), seed=7)
    order.set_epoch(2)
    assert {visit.number: visit.seed for visit in order} == {i: derive_seed(7, "image", 2, i) for i in range(5)}


def test_all_generators_follow_from_a_seed() -> None:
    drawn = []
    for seed in (1, 1, 2**62 + 1):
        seed_cpu(seed)
        drawn.append((random.random(), float(np.random.rand()), float(torch.rand(()))))
    assert drawn[0] == drawn[1]
    assert drawn[1] != drawn[2]


def _loader(num_workers: int = 0, batch_size: int = 2) -> ResumableLoader:
    captions = [[f"{number} {word}" for word in ("a", "b", "c", "d")] for number in range(11)]
    tokenizer = fit_word([caption for group in captions for caption in group], min_count=1)
    dataset = CaptionDataset(InMemorySplit(range(11), captions), tokenizer, captions_per_image=2)

    def joined(samples: list[CaptionSample]) -> list[list[int]]:
        batch = collate(samples, pad_id=0)
        return [batch.image_ids_B.tolist(), batch.tokens_NL.flatten().tolist()]

    return ResumableLoader(
        dataset,  # type: ignore[arg-type]
        sampler=ResumableDistributedSampler(dataset, seed=0),
        batch_size=batch_size,
        drop_last=True,
        num_workers=num_workers,
        collate_fn=joined,
        persistent_workers=num_workers > 0,
    )


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_epoch_is_taken_up_where_it_was_left_with_the_same_captions(num_workers: int) -> None:
    whole = _loader()
    whole.sampler.set_epoch(4)
    expected = [*whole]
    torch.rand(3)  # what was drawn before does not matter
    loader = _loader(num_workers)
    loader.load_state_dict({"batches": 3, "batch_size": 2, "num_processes": 1, "seed": 0})
    begun = iter(loader)  # as Lightning does, before it says which epoch it is
    loader.sampler.set_epoch(4)
    assert [*begun] == expected[3:]
    assert loader.state_dict()["batches"] == 5
    loader.sampler.set_epoch(5)
    assert len([*loader]) == 5


def test_the_state_counts_batches_that_were_handed_out() -> None:
    loader = _loader()
    batches = iter(loader)
    next(batches)
    next(batches)
    assert loader.state_dict() == {"batches": 2, "batch_size": 2, "num_processes": 1, "seed": 0}


def test_a_place_in_other_batches_is_refused() -> None:
    state = _loader(batch_size=2).state_dict()
    with pytest.raises(ValueError, match=r"with \{'batch_size': 2\}, and this run has \{'batch_size': 3\}; keep data"):
        _loader(batch_size=3).load_state_dict(state)
