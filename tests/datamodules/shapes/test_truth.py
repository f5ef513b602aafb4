"""The metrics against values worked out by hand, on scene 0 of world 42.

A small purple star at top right and a small yellow triangle at bottom right, on a dark dotted background: 10 facts.
"""

import pytest
import torch

from datamodules.shapes import CaptionCoverage, CaptionTruth
from datamodules.shapes.grammar import captions_at

HALF_TRUE = ["purple star", "a small yellow triangle", "green star", "a purple star with"]


@pytest.mark.parametrize(
    ("captions", "truth", "coverage"),
    [
        (HALF_TRUE, 2 / 4, (2 + 3) / 10),
        (["purple star", "violet star"], 1.0, 2 / 10),
        (["a small purple star at top left", "nonsense"], 0.0, 0.0),
        (captions_at(42, 0), 1.0, 1.0),
        (captions_at(42, 0)[-1:], 1.0, 1.0),
        (["a purple star on a dark dotted background", "red star on a dark background"], 1 / 2, 4 / 10),
    ],
)
def test_hand_values(captions: list[str], truth: float, coverage: float) -> None:
    for metric, value in ((CaptionTruth(seed=42), truth), (CaptionCoverage(seed=42), coverage)):
        metric.update([captions], [["unused"]], torch.tensor([0]))
        assert metric.compute() == {metric.names[0]: pytest.approx(value)}


def test_the_image_id_and_the_seed_name_the_scene() -> None:
    metric = CaptionTruth(seed=9)
    ids = torch.tensor([5, 8, 13])
    metric.update([captions_at(9, i) for i in ids.tolist()], [["unused"]] * 3, ids)
    assert metric.compute()["caption_truth"] == 1
    other_world = CaptionTruth(seed=10)
    other_world.update([captions_at(9, i) for i in ids.tolist()], [["unused"]] * 3, ids)
    assert other_world.compute()["caption_truth"] == 0


def test_repeated_images_count_once() -> None:
    metric = CaptionTruth(seed=42)
    metric.update([HALF_TRUE, captions_at(42, 1)], [["unused"]] * 2, torch.tensor([0, 1]))
    metric.update([captions_at(42, 1)], [["unused"]], torch.tensor([1]))
    assert metric.compute()["caption_truth"] == pytest.approx((0.5 + 1) / 2)
