"""Training from what a frozen encoder, or the frozen part of one, computed once of each image."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from timm import create_model
from torch import Tensor

from datamodules.batch import empty_batch
from datamodules.image_files.image_file_split import ImageFileSplit
from datamodules.image_files.reading import BadImageError
from lightning_modules import Ensemble
from lightning_modules.checkpoints.loading import load_captioner
from lightning_modules.networks.encoders import TimmEncoder
from lightning_modules.networks.encoders.fingerprint import encoder_fingerprint
from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k
from tests.faults.one_process import TWO_FORKS
from tests.tiny_run import WITHOUT_PICTURES, TinyRun, run_tiny, scalars

BACKBONE = "test_efficientnet"
LAST_BLOCKS = ("model.encoder.trainable_from=blocks.3", "model.encoder.trainable_after=1", "trainer.max_epochs=2")
LAST = ("blocks.3", "blocks.4", "conv_head", "bn2")


def _run(folder: Path, *settings: str, choices: tuple[str, ...] = ()) -> TinyRun:
    weights = folder.parent / "weights.safetensors"
    if not weights.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        save_file(create_model(BACKBONE).state_dict(), weights)
    own = [f"model.encoder.backbone={BACKBONE}", f"model.encoder.weights={weights}"]
    return run_tiny(folder, *own, *settings, *WITHOUT_PICTURES, choices=["model=timm", *choices])


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the batches that encoders see."""
    sizes: list[int] = []
    forward = TimmEncoder.forward

    def counting(self: TimmEncoder, images_BCHW):
        sizes.append(len(images_BCHW))
        return forward(self, images_BCHW)

    monkeypatch.setattr(TimmEncoder, "forward", counting)
    return sizes


def test_a_run_from_cached_features_is_the_run_without(tmp_path: Path, batches: list[int]) -> None:
    plain = scalars(_run(tmp_path / "plain").events)
    batches.clear()
    cached = scalars(_run(tmp_path / "cached", "data.cache_features=true").events)
    assert sum(size for size in batches if size > 1) == 8 + 3 + 3  # each image once; the test's at the test
    for name in ("train/nats/caption", "val/nats/reconstruction", "test/nats/kl_style", "val/rouge_score/rougeL"):
        assert cached[name] == [(step, pytest.approx(value, rel=2e-3)) for step, value in plain[name]]
    batches.clear()
    again = scalars(_run(tmp_path / "again", "data.cache_features=true").events)
    assert again["train/loss"] == cached["train/loss"]
    assert sum(size for size in batches if size > 1) == 3  # the test's


def test_weights_of_two_bytes_have_a_fingerprint_of_their_own() -> None:
    encoder = TimmEncoder(image_size=32, backbone=BACKBONE, weights=None)
    whole, half = (encoder_fingerprint(encoder.to(kind), {}, 32) for kind in (torch.float32, torch.bfloat16))
    assert whole != half == encoder_fingerprint(encoder, {}, 32)
    with torch.no_grad():
        next(encoder.parameters()).view(-1)[0] += 1
    assert encoder_fingerprint(encoder, {}, 32) != half


def test_without_image_decoder_no_image_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choices = ("model/image_decoder=none",)
    _run(tmp_path / "fills", "data.cache_features=true", "test=false", choices=choices)

    def read(self, index):
        raise AssertionError("an image was read")

    monkeypatch.setattr("datamodules.shapes.shapes_datamodule.ShapesSplit.load_image", read)
    monkeypatch.setattr("launch.summary.save_picture", lambda *_: None)  # which shows some images at the end
    monkeypatch.setattr("launch.summary.styled_images", lambda *_: [])
    run = _run(tmp_path / "reads", "data.cache_features=true", "test=false", choices=choices)
    assert "val/coco/CIDEr-D" in scalars(run.events)


def test_an_encoder_that_is_trained_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run_tiny(tmp_path / "run", "data.cache_features=true")
    assert "data.cache_features=true needs an encoder that training leaves as it is" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_a_checkpoint_of_cached_features_goes_on(tmp_path: Path) -> None:
    choices = ("model/scheduler=constant",)
    run = _run(tmp_path / "run", "data.cache_features=true", "test=false", choices=choices)
    more = _run(
        tmp_path / "more",
        "data.cache_features=true",
        "test=false",
        f"ckpt_path={run.folder / 'checkpoints/last.ckpt'}",
        "trainer.max_epochs=2",
        choices=choices,
    )
    assert [step for step, _ in scalars(more.events)["train/loss"]] == [2, 3]


def _encoder_weights(run: TinyRun) -> dict[str, Tensor]:
    state = torch.load(run.folder / "checkpoints/last.ckpt")["state_dict"]
    return {name.removeprefix("network.encoder."): tensor for name, tensor in state.items() if ".encoder." in name}


@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_last_blocks_train_from_cached_inputs(tmp_path: Path, batches: list[int]) -> None:
    """As they would from images, bit for bit after an interruption, and giving captions of images as trained."""
    choices = ("model/scheduler=constant", "model/image_decoder=none", "callbacks=ema", "metrics=rouge")
    settings = (*LAST_BLOCKS, "model.encoder.trainable_rate=1", "test=false")
    cached_settings = (*settings, "data.cache_features=true")
    plain = _run(tmp_path / "plain", *settings, choices=choices)
    batches.clear()
    cached = _run(tmp_path / "cached", *cached_settings, choices=choices)
    assert not [size for size in batches if size > 1]  # only what those blocks read is computed, once
    for name in ("train/nats/caption", "val/nats/caption", "val/rouge_score/rougeL"):
        expected = [(step, pytest.approx(value, rel=2e-3)) for step, value in scalars(plain.events)[name]]
        assert scalars(cached.events)[name] == expected

    begun = _run(tmp_path / "begun", *cached_settings, "trainer.max_steps=2", choices=choices)
    resumed = f"ckpt_path={begun.folder / 'checkpoints/last.ckpt'}"
    before, after = _encoder_weights(begun), _encoder_weights(cached)
    goes_on = _encoder_weights(_run(tmp_path / "more", *cached_settings, resumed, choices=choices))
    assert all(torch.equal(after[name], goes_on[name]) for name in after)
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith(tuple(f"backbone.{part}." for part in LAST)) for name in changed)
    assert not [name for name in changed if "running" in name or "num_batches" in name]

    captioner = load_captioner(cached.best)
    images_BCHW = torch.randint(256, (3, 3, 32, 32), dtype=torch.uint8)
    fixed_BPD = captioner.encode_fixed(images_BCHW)
    assert fixed_BPD.shape[1:] == captioner.fixed_features[:2] == (16, 32)
    assert torch.equal(captioner.network.encoder.trained_part(fixed_BPD), captioner.encode(images_BCHW))

    both, batch = Ensemble([captioner]), empty_batch([])._replace(images_BCHW=images_BCHW, features_BPD=fixed_BPD)
    assert torch.equal(both.features_of(batch), both.encode(images_BCHW))
    taught = (*choices, "model/distillation=teachers", f"model.distillation.teachers=[{cached.best}]")
    curves = scalars(_run(tmp_path / "taught", *cached_settings, "trainer.limit_val_batches=0", choices=taught).events)
    assert len(curves["train/nats/distillation"]) == 4  # also once the student's blocks train


@pytest.mark.filterwarnings("ignore")  # advice on several processes
def test_two_processes_train_the_last_blocks_together(tmp_path: Path) -> None:
    settings = (*TWO_FORKS, *LAST_BLOCKS, "data.cache_features=true", "test=false", "trainer.limit_val_batches=0")
    run = _run(tmp_path / "run", *settings, "optimized_metric=null", choices=("model/image_decoder=none",))
    assert len(scalars(run.events)["train/loss"]) == 4  # in the first two steps those blocks have no gradient
    changed = _encoder_weights(run)
    assert not torch.equal(changed["backbone.conv_head.weight"], changed["start.conv_head_weight"])


def test_blocks_that_would_never_be_trained_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _run(tmp_path / "run", *LAST_BLOCKS, "trainer.max_epochs=1")
    assert "trainable_after=1 with trainer.max_epochs=1: the blocks" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:train_dataloader yielded None")
def test_an_image_that_went_bad_before_it_was_encoded_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    root = TinyFlickr8k(tmp_path / "flickr8k").root
    load_image = ImageFileSplit.load_image

    def load_or_fail(self: ImageFileSplit, index: int) -> Tensor:
        name = Path(self.paths[index]).name
        if name in ("3.jpg", "9.jpg"):
            raise BadImageError(f"{name}: not a usable image")
        return load_image(self, index)

    monkeypatch.setattr(ImageFileSplit, "load_image", load_or_fail)
    settings = [f"data.root={root}", "data.cache_features=true", "data.on_bad_data=skip"]
    run = _run(tmp_path / "runs" / "run", *settings, choices=("data=flickr8k", "metrics=rouge"))
    assert "left out: 3.jpg: could not be read when features were computed" in caplog.text
    assert "val/rouge_score/rougeL" in scalars(run.events)
    assert "val: 1 images were left out (9.jpg)" in caplog.text
