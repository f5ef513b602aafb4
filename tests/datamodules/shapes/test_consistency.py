"""Consistency against values worked out by hand, on scene 0 of world 42.

A small purple star at top right and a small yellow triangle at bottom right, on a dark dotted background.
"""

import pytest
import torch

from datamodules.shapes import CaptionConsistency
from datamodules.shapes.grammar import captions_at


@pytest.mark.parametrize(
    ("captions", "all_true", "contradictions"),
    [
        (captions_at(42, 0), 1, 0),
        (
            ["purple star", "a purple star at the top left", "small star"],
            0,
            0,
        ),  # false, but there could be such a scene
        (["a purple star at the top left", "a purple star at the top right", "small star"], 0, 1 / 3),
        (["a purple star at the top left", "a purple star at the top right", "the star is alone"], 0, 1 / 3),
        (["purple star", "a purple star with"], 0, 0),  # unreadable: neither true nor contradicting
        (["purple star", "purple star purple star"], 0, 1),
    ],
)
def test_hand_values(captions: list[str], all_true: float, contradictions: float) -> None:
    metric = CaptionConsistency(seed=42)
    metric.update([captions], [["unused"]], torch.tensor([0]))
    assert metric.compute() == pytest.approx({"all_true": all_true, "contradictions": contradictions})


def test_the_mean_is_over_distinct_images_with_several_captions() -> None:
    metric = CaptionConsistency(seed=42)
    metric.update([["purple star", "red star"], captions_at(42, 1)], [["unused"]] * 2, torch.tensor([0, 1]))
    metric.update([captions_at(42, 1), ["purple star"]], [["unused"]] * 2, torch.tensor([1, 2]))
    assert metric.compute() == {"all_true": 1 / 2, "contradictions": 0}


@pytest.mark.filterwarnings("ignore:.*was called before the ``update`` method")
def test_single_captions_have_no_results() -> None:
    metric = CaptionConsistency(seed=42)
    metric.update([["purple star"]], [["unused"]], torch.tensor([0]))
    assert metric.compute() == {}
    metric.reset()
    with pytest.raises(ValueError, match="CaptionConsistency has no image"):
        metric.compute()
