"""What others build: a family of models, an encoder and a term of the loss, in a package outside of the project.

The package is `packages/my_lab`; the real scripts train, resume, average, evaluate and caption with it.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from captioning import CaptionPipeline
from lightning_modules import load_captioner
from tests.faults.script import run_script
from tests.tiny_run import run_tiny, scalars

PACKAGES = Path(__file__).parent / "packages"
CONF = f"hydra.searchpath=[file://{PACKAGES / 'my_lab' / 'conf'}]"
SMALL_DATA = ("data.num_train=24", "data.num_val=6", "data.num_test=6", "data.image_size=32", "data.num_workers=0")
QUICK = ("trade_off.num_images=0", "gallery.num_images=1", "meteor=no")


@pytest.fixture
def my_lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process and the scripts that it starts import the package."""
    monkeypatch.setenv("PYTHONPATH", str(PACKAGES))
    monkeypatch.syspath_prepend(str(PACKAGES))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "my_lab"]:
        del sys.modules[name]


@pytest.mark.slow
def test_a_family_of_ones_own_goes_through_all_scripts(my_lab: None, tmp_path: Path) -> None:
    run_dir, settings = tmp_path / "run", (f"cache_dir={tmp_path}/cache", *SMALL_DATA)
    family = (CONF, "model=colour", "data.batch_size=8", "trainer.max_epochs=2", "~callbacks.progress_bar")
    kept = ("callbacks.checkpoint.save_top_k=-1", "callbacks.checkpoint.filename='epoch_{epoch}'")
    train = [*settings, *family, *kept, "trainer.enable_progress_bar=false"]
    trained = run_script("train.py", *train, f"hydra.run.dir={run_dir}")
    assert trained.code == 0, trained.output
    assert "model: " in trained.output
    assert "human: " in trained.output
    again = run_script("train.py", f"resume={run_dir}")
    assert again.code == 0, again.output
    checkpoints = sorted(str(path) for path in (run_dir / "checkpoints").glob("epoch_*.ckpt"))
    average = tmp_path / "average.ckpt"
    untrusted = run_script("average.py", *checkpoints, "--out", str(average))
    assert untrusted.errors == [line for line in untrusted.errors if "my_lab.ColourCaptioner" in line]
    assert "--trust PACKAGE" in untrusted.errors[0]
    averaged = run_script("average.py", *checkpoints, "--out", str(average), "--trust", "my_lab")
    assert averaged.code == 0, averaged.output
    evaluated = run_script(
        "evaluate.py",
        f"checkpoint={average}",
        "trusted_packages=[my_lab]",
        f"hydra.run.dir={tmp_path / 'report'}",
        *settings,
        *QUICK,
    )
    assert evaluated.code == 0, evaluated.output
    assert json.loads((tmp_path / "report" / "scores.json").read_text())
    photo = tmp_path / "photo.png"
    _save_picture(photo)
    captioned = run_script("caption.py", str(average), str(photo), "--trust", "my_lab", "--strategy", "beam")
    assert captioned.code == 0, captioned.output
    assert "1. " in captioned.output


def test_a_family_without_latents_shows_none(my_lab: None, tmp_path: Path) -> None:
    run = run_tiny(tmp_path / "run", "test=false", choices=[CONF, "model=colour"])
    assert run.events.Tags()["images"] == []
    assert [name for name in run.events.Tags()["tensors"] if "captions" not in name and "hparams" not in name] == []
    assert not (run.folder / "tensorboard" / "projector_config.pbtxt").exists()


def test_an_encoder_and_a_term_of_ones_own(my_lab: None, tmp_path: Path) -> None:
    choices = [CONF, "model/encoder=colour", "model/loss/terms=[short,confidence_penalty]"]
    run = run_tiny(tmp_path / "run", "test=false", choices=choices)
    logged = scalars(run.events)
    for stage in ("train", "val"):
        assert {f"{stage}/nats/short", f"{stage}/contribution/confidence_penalty"} <= logged.keys()
    (_, nats), *_ = logged["train/nats/short"]
    (_, contribution), *_ = logged["train/contribution/short"]
    assert contribution == pytest.approx(0.1 * nats)
    with pytest.raises(ValueError, match=r"wants to build my_lab.ColourEncoder, .* trusted_packages=\[PACKAGE\]"):
        load_captioner(run.best)
    pipeline = CaptionPipeline.load(run.best, trusted_packages=["my_lab"])
    assert type(pipeline.captioner.network.encoder).__name__ == "ColourEncoder"


def _save_picture(path: Path) -> None:
    from PIL import Image

    pixels = torch.randint(0, 256, (40, 30, 3), dtype=torch.uint8)
    Image.fromarray(pixels.numpy()).save(path)
