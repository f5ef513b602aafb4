from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor
from torch.utils.data import DistributedSampler

from metrics import PerImageMetric, RougeScore

NUM_IMAGES = 13


class _Length(PerImageMetric):
    """Mean number of words of the candidates, and the image's id."""

    names = ("words", "image")

    def score(self, candidates: Sequence[str], references: Sequence[str], image_id: int) -> list[float]:
        return [sum(len(caption.split()) for caption in candidates) / len(candidates), image_id / 3]


def _image(image_id: int) -> tuple[list[str], list[str]]:
    words = [f"w{(image_id * i * i) % 7}" for i in range(1, 9)]
    candidates = [" ".join(words[: 3 + image_id % 4]), " ".join(words[2:])]
    return candidates, [" ".join(words[::2]), " ".join(reversed(words))]


def _update(metric: PerImageMetric, image_ids: Sequence[int]) -> None:
    candidates, references = zip(*map(_image, image_ids), strict=True)
    metric.update(candidates, references, torch.tensor(image_ids))


def _values(metric: PerImageMetric) -> list[float]:
    return [value.item() for value in metric.compute().values()]


def test_averages_over_images() -> None:
    metric = _Length()
    metric.update([["a b", "a"], ["a b c d"]], [[], []], torch.tensor([3, 6]))
    metric.update([["a"]], [[]], torch.tensor([9]))
    assert _values(metric) == pytest.approx([(1.5 + 4 + 1) / 3, (1 + 2 + 3) / 3])


def test_repeated_images_count_once() -> None:
    once, repeated = RougeScore(), RougeScore()
    _update(once, range(5))
    for image_ids in ([3, 1], [0, 1, 4], [2, 2, 3]):
        _update(repeated, image_ids)
    assert _values(repeated) == _values(once)


def test_the_order_and_the_batches_do_not_change_a_digit() -> None:
    once, shuffled = RougeScore(), RougeScore()
    _update(once, range(NUM_IMAGES))
    for image_id in (7 * i % NUM_IMAGES for i in range(NUM_IMAGES)):
        _update(shuffled, [image_id])
    assert _values(shuffled) == _values(once)
    assert all(value.dtype == torch.float64 for value in once.compute().values())


def test_forgets_when_it_is_reset() -> None:
    metric = _Length()
    _update(metric, range(4))
    metric.reset()
    _update(metric, [6])
    assert _values(metric)[1] == 2.0


def test_refuses_updates_and_results_without_meaning() -> None:
    metric = _Length()
    no_image = pytest.raises(ValueError, match="_Length has no image to average over; call update")
    with no_image, pytest.warns(UserWarning, match="was called before the ``update`` method"):
        metric.compute()
    with pytest.raises(ValueError, match="of one length, got 2, 1 and 2"):
        metric.update([["a"], ["b"]], [["a"]], torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="at least one candidate caption for each image, got none"):
        metric.update([["a"], []], [["a"], ["a"]], torch.tensor([0, 1]))


def _one_of_two(rank: int, folder: Path) -> None:
    """Evaluate the share of one process, with the repeats by which a distributed sampler fills up."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'rendezvous'}", rank=rank, world_size=2)
    image_ids = [*DistributedSampler(range(NUM_IMAGES), num_replicas=2, rank=rank, shuffle=False)]  # type: ignore[arg-type]
    metric = RougeScore()
    for start in range(0, len(image_ids), 3):
        _update(metric, image_ids[start : start + 3])
    torch.save(torch.tensor(_values(metric), dtype=torch.float64), folder / f"values{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_give_what_one_gives_to_the_last_digit(tmp_path: Path) -> None:
    alone = RougeScore()
    _update(alone, range(NUM_IMAGES))
    mp.spawn(_one_of_two, args=(tmp_path,), nprocs=2)
    for rank in range(2):
        together: Tensor = torch.load(tmp_path / f"values{rank}.pt", weights_only=True)
        assert together.tolist() == _values(alone)
