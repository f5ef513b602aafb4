from collections.abc import Sequence

import pytest
import torch

from metrics import CaptionMetric, ImageCaptions

IMAGES = [
    ImageCaptions(3, ["one", 'with "quotes"\nand lines\r\u2028'], ["naïve 日本", ""]),
    ImageCaptions(-8, [""], []),
    ImageCaptions(2**62, ["\ud800 half a pair"], ["a", "b", "c"]),
]


class _Seen(CaptionMetric):
    """Keeps what it was asked to score."""

    seen: Sequence[ImageCaptions] = ()

    def score(self, images: Sequence[ImageCaptions]) -> dict[str, float]:
        self.seen = images
        return {"images": len(images), "third": 1 / 3}


def _update(metric: CaptionMetric, images: Sequence[ImageCaptions]) -> None:
    image_ids, candidates, references = zip(*images, strict=True)
    metric.update(candidates, references, torch.tensor(image_ids))


def test_captions_come_back_as_they_were_in_the_order_of_the_ids() -> None:
    metric = _Seen()
    _update(metric, IMAGES[:1])
    _update(metric, IMAGES[1:])
    assert metric.compute() == {"images": 3, "third": 1 / 3}
    assert list(metric.seen) == sorted(IMAGES)
    assert all(value.dtype == torch.float64 for value in metric.compute().values())


def test_an_image_counts_once_and_its_first_captions_count() -> None:
    metric = _Seen()
    for image in (IMAGES[0], IMAGES[1], IMAGES[0]._replace(candidates=["later"]), IMAGES[1]):
        _update(metric, [image])
    assert metric.compute()["images"] == 2
    assert list(metric.seen) == [IMAGES[1], IMAGES[0]]


def test_forgets_when_it_is_reset() -> None:
    metric = _Seen()
    _update(metric, IMAGES)
    metric.reset()
    _update(metric, IMAGES[:1])
    assert metric.compute()["images"] == 1


def test_a_batch_of_no_images_adds_nothing() -> None:
    metric = _Seen()
    metric.update([], [], torch.zeros(0, dtype=torch.long))
    _update(metric, IMAGES)
    assert metric.compute()["images"] == 3


def test_refuses_updates_and_results_without_meaning() -> None:
    metric = _Seen()
    no_image = pytest.raises(ValueError, match="_Seen has no image to score; call update")
    with no_image, pytest.warns(UserWarning, match="was called before the ``update`` method"):
        metric.compute()
    with pytest.raises(ValueError, match="of one length, got 1, 2 and 2"):
        metric.update([["a"]], [["a"], ["b"]], torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="at least one candidate caption for each image, got none"):
        metric.update([["a"], []], [["a"], ["a"]], torch.tensor([0, 1]))
