from collections.abc import Sequence

import pytest
import torch

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
