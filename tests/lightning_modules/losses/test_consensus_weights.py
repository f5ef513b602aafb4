"""Weights of human captions: their values, what they do to the loss, and a run with them."""

from pathlib import Path

import pytest
import torch

from lightning_modules.losses import ConsensusWeights
from lightning_modules.schedules import LinearWarmup
from tests.lightning_modules.losses.test_vae_loss import TERMS, _loss
from tests.tiny_run import run_tiny, scalars


def test_weights_are_relative_to_the_image_clipped_and_one_on_average() -> None:
    weights = ConsensusWeights(lowest=0.5, highest=1.5, share=1.0)
    for consensus, expected in (
        ([0.1, 1.0, 1.9], [0.5, 1.0, 1.5]),
        ([0.0, 0.0, 3.0], [0.6, 0.6, 1.8]),
        ([0.0, 0.0], [1.0, 1.0]),
    ):
        torch.testing.assert_close(weights.of_image(torch.tensor(consensus)), torch.tensor(expected))


def test_they_weigh_the_caption_term_as_their_share_grows() -> None:
    loss = _loss(label_smoothing=0.1, weights=ConsensusWeights(share=LinearWarmup(0.0, 1.0, steps=10, delay=5)))
    weighted = TERMS._replace(weights_N=torch.tensor([0.5, 1.5]))
    mean, of_weights = (2.5 + 6.5) / 2, (0.5 * 2.5 + 1.5 * 6.5) / 2
    for step, share in ((0, 0.0), (10, 0.5), (15, 1.0)):
        report = loss(weighted, step)
        assert report.contributions["caption"].item() == pytest.approx(mean + share * (of_weights - mean))
        assert report.nats["caption"].item() == pytest.approx(4.0)
        assert report.weights["consensus"] == share
        assert loss(TERMS, step).contributions["caption"].item() == pytest.approx(mean)  # as in validation


def test_bounds_that_do_not_hold_one_are_refused() -> None:
    with pytest.raises(ValueError, match=r"lowest from 0 to 1 and highest of 1 or more, got 1.2 and 2.0"):
        ConsensusWeights(lowest=1.2, share=1.0)


def test_a_run_weighs_its_captions(tmp_path: Path) -> None:
    settings = ["test=false", "trainer.limit_val_batches=0", "model.loss.weights.share=1", "optimized_metric=null"]
    run = run_tiny(tmp_path / "run", *settings, choices=["model/loss/weights=consensus"])
    curves = scalars(run.events)
    both = zip(curves["train/contribution/caption"], curves["train/nats/caption"], strict=True)
    assert all(contribution != nats for (_, contribution), (_, nats) in both)  # without weights they are the same
    assert (tmp_path / "cache/consensus").is_dir()
