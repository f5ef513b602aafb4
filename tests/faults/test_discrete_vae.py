"""Discrete VAEs that are killed go on bit for bit, with their codebook; two processes train as one would."""

import random
from pathlib import Path

import pytest

from tests.faults.killing import EARLY_STOPPING, Reference
from tests.faults.one_process import TWO_FORKS
from tests.tiny_run import run_tiny, scalars

SETTINGS = (
    "model=discrete_vae",
    "callbacks=images_ema",
    "data.num_train=23",
    "data.num_val=5",
    "trainer.max_epochs=2",
    "trainer.limit_test_batches=1",
    "callbacks.moving_average.decay=0.9",
    "callbacks.resume_checkpoints.every_n_steps=2",
    EARLY_STOPPING,
)
RESTARTS = ("model.quantizer.restart_every=2", "model.quantizer.least_usage=0.5", "model.quantizer.decay=0.5")
QUANTIZERS = {
    "vq": RESTARTS,
    "gumbel": ("model.quantizer.temperature.steps=9", "model.loss.kl_loss_weight.value=0.5"),
    "fsq": ("model.loss.reconstruction=logit_laplace",),  # whose pixels have noise in training
}


@pytest.mark.slow
@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_a_run_that_is_killed_goes_on_exactly(quantizer: str, tmp_path: Path) -> None:
    reference = Reference(tmp_path, (*SETTINGS, f"model/quantizer={quantizer}", *QUANTIZERS[quantizer]))
    outcome = reference.killed("killed", random.Random(quantizer), most_kills=1)
    assert outcome.kills == 1
    assert outcome.differing == []
    assert outcome.steps >= 10


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore"
)  # Lightning's advice on several processes, which as an error would end one of them
def test_two_processes_with_half_a_batch_each_train_as_one_does(tmp_path: Path) -> None:
    choices = ("model=discrete_vae", "model/quantizer=vq")
    settings = ("data.num_train=24", "trainer.max_epochs=4", "trainer.limit_val_batches=1.0", *RESTARTS)
    alone = run_tiny(tmp_path / "alone", *settings, "data.batch_size=4", choices=choices)
    together = run_tiny(tmp_path / "together", *settings, *TWO_FORKS, choices=choices)
    expected, found = scalars(alone.events), scalars(together.events)
    assert len(expected["train/loss"]) == 24
    assert sum(value for _, value in expected["train/quantizer/dead_codes"]) > 0
    for name in (
        "train/loss",
        "train/nats/commitment",
        "train/quantizer/dead_codes",
        "val/PSNR",
        "val/codes/used",
    ):
        assert dict(found[name]) == pytest.approx(dict(expected[name]), rel=1e-4), name
