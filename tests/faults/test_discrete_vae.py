"""Discrete VAEs, and DALL·E on them, that are killed go on bit for bit; two processes train as one would."""

import random
from pathlib import Path

import pytest

from lightning_modules import save_module
from tests.faults.killing import EARLY_STOPPING, Reference
from tests.faults.one_process import TWO_FORKS
from tests.tiny_run import build_tiny, run_tiny, scalars

RUN = (
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

DALLE = ("callbacks=ema", "model.transformer.dropout=0.1", "model.loss.draw_from=random", "data.cache_features=true")
CURVES = {
    "vq": ("train/nats/commitment", "train/quantizer/dead_codes", "val/PSNR", "val/codes/used"),
    "dalle": ("train/nats/caption", "train/nats/image", "val/loss", "val/nats/image_information"),
}


def _family(name: str, folder: Path) -> tuple[str, ...]:
    """Return the settings of a discrete VAE with a quantizer, or of DALL·E on an untrained one."""
    if name != "dalle":
        return ("model=discrete_vae", f"model/quantizer={name}")
    coder, _ = build_tiny(folder / "coder", choices=["model=discrete_vae"])
    save_module(coder, folder / "discrete_vae.ckpt")
    return ("model=dalle", f"model.vae.checkpoint={folder / 'discrete_vae.ckpt'}")


@pytest.mark.slow
@pytest.mark.parametrize("name", [*QUANTIZERS, "dalle"])
def test_a_run_that_is_killed_goes_on_exactly(name: str, tmp_path: Path) -> None:
    own = DALLE if name == "dalle" else ("callbacks=images_ema", *QUANTIZERS[name])
    reference = Reference(tmp_path, (*_family(name, tmp_path), *RUN, *own))
    outcome = reference.killed("killed", random.Random(name), most_kills=1)
    assert outcome.kills == 1
    assert outcome.differing == []
    assert outcome.steps >= 10


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore"
)  # Lightning's advice on several processes, which as an error would end one of them
@pytest.mark.parametrize("name", ["vq", "dalle"])
def test_two_processes_with_half_a_batch_each_train_as_one_does(name: str, tmp_path: Path) -> None:
    own = ("model.loss.null_share=0", "data.cache_features=true") if name == "dalle" else RESTARTS
    settings = ("data.num_train=24", "trainer.max_epochs=4", "trainer.limit_val_batches=1.0", *own)
    choices = _family(name, tmp_path)
    alone = run_tiny(tmp_path / "alone", *settings, "data.batch_size=4", choices=choices)
    together = run_tiny(tmp_path / "together", *settings, *TWO_FORKS, choices=choices)
    expected, found = scalars(alone.events), scalars(together.events)
    assert len(expected["train/loss"]) == 24
    if name == "vq":
        assert sum(value for _, value in expected["train/quantizer/dead_codes"]) > 0
    for curve in ("train/loss", *CURVES[name]):
        assert dict(found[curve]) == pytest.approx(dict(expected[curve]), rel=1e-4), curve
