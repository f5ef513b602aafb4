"""Whole runs of discrete VAEs: what they log and keep, how they go on, and what may be made of their checkpoints."""

import math
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer

import caption
from callbacks import MovingAverage
from lightning_modules import (
    ImageCoder,
    average_checkpoints,
    load_discrete_vae,
    load_module,
    save_module,
)
from lightning_modules.checkpoints.warm_start import warm_start
from metrics import psnr
from tests.captioning.caption_command import save_pictures
from tests.tiny_evaluation import evaluate_tiny
from tests.tiny_run import TinyRun, build_tiny, run_tiny, scalars

CHOICES = ("model=discrete_vae", "callbacks=images_ema")
QUANTIZERS = ("fsq", "vq", "gumbel")


@pytest.fixture(scope="module", params=QUANTIZERS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """A tiny run of each quantizer: two epochs of two steps, with averaged weights."""
    folder = tmp_path_factory.mktemp("coder") / request.param
    settings = ("trainer.max_epochs=2", "callbacks.checkpoint.save_top_k=2", "callbacks.checkpoint.filename='e{epoch}'")
    return run_tiny(folder, *settings, choices=[*CHOICES, f"model/quantizer={request.param}"])


def _checkpoints(run: TinyRun) -> list[Path]:
    return sorted((run.folder / "checkpoints").glob("e*.ckpt"))


def test_a_run_logs_its_loss_its_codes_and_its_images(run: TinyRun) -> None:
    logged, relaxes = scalars(run.events), run.folder.name == "gumbel"
    cost = {"fsq": set(), "vq": {"commitment"}, "gumbel": {"kl"}}[run.folder.name]
    for stage in ("train", "val", "test"):
        nats = {name.rpartition("/")[2] for name in logged if name.startswith(f"{stage}/nats/")}
        assert nats == {"reconstruction", *cost}
        loss = sum(points[-1][1] for name, points in logged.items() if name.startswith(f"{stage}/contribution/"))
        assert logged[f"{stage}/loss"][-1][1] == pytest.approx(loss, rel=1e-5)
    for stage in ("val", "test"):
        figures = {name.removeprefix(f"{stage}/codes/") for name in logged if name.startswith(f"{stage}/codes/")}
        assert figures == {"used", "perplexity", "perplexity_by_place", "bits", "top1"}
        assert {f"{stage}/PSNR", f"{stage}/SSIM"} <= logged.keys()
        assert (f"{stage}/relaxed/gap" in logged) == relaxes
        assert {f"{stage}/reconstructions", f"{stage}/codes"} <= {*run.events.Tags()["images"]}
    if relaxes:
        gap = logged["val/relaxed/PSNR"][-1][1] - logged["val/PSNR"][-1][1]
        assert logged["val/relaxed/gap"][-1][1] == pytest.approx(gap, abs=1e-4)
    watched = {"fsq": "saturated", "vq": "dead_codes", "gumbel": "temperature"}[run.folder.name]
    assert f"train/quantizer/{watched}" in logged
    assert not [name for name in logged if "rouge" in name or "coco" in name]
    assert run.metric == pytest.approx(logged["val/PSNR"][-1][1], abs=1e-4)  # as of the last validation


def test_the_checkpoint_alone_gives_the_frozen_network(run: TinyRun, tmp_path: Path) -> None:
    path = _checkpoints(run)[-1]
    coder, frozen = load_module(path), load_discrete_vae(path)
    assert isinstance(coder, ImageCoder)
    assert "tokenizer" not in coder.hparams
    datamodule = build_tiny(tmp_path / "run", choices=["model=discrete_vae"])[1]
    batch = next(iter(datamodule.val_dataloader()))
    codes_BP = frozen.codes(batch.images_BCHW)
    assert torch.equal(codes_BP, coder.predict_step(batch, 0))
    with torch.no_grad():
        output = coder.evaluate(batch)
    assert torch.equal(output.codes_BP, codes_BP)
    torch.testing.assert_close(output.images_BCHW, frozen.decode(codes_BP))
    assert math.isfinite(psnr(output.images_BCHW, batch.images_BCHW / 255).mean())


def test_checkpoints_of_a_run_are_averaged_with_their_codebook(run: TinyRun, tmp_path: Path) -> None:
    paths = _checkpoints(run)
    averaged = average_checkpoints(paths)
    save_module(averaged, tmp_path / "average.ckpt")
    states = [torch.load(path, weights_only=True)["state_dict"] for path in paths]
    own = load_module(tmp_path / "average.ckpt").state_dict()
    assert own.keys() == states[0].keys()
    for name, tensor in own.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, (states[0][name] + states[1][name]) / 2)
        else:
            assert torch.equal(tensor, states[1][name])
    assert load_discrete_vae(tmp_path / "average.ckpt").codes(torch.zeros(1, 3, 32, 32, dtype=torch.uint8)).shape == (
        1,
        16,
    )


def test_scripts_that_caption_say_in_one_line_what_it_is(
    trained_vae: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photo,) = save_pictures(tmp_path, ["a.png"])
    with pytest.raises(SystemExit) as captioned:
        caption.main([str(trained_vae.best), str(photo)])
    with pytest.raises(SystemExit):
        evaluate_tiny(tmp_path / "report", trained_vae.best)
    for line in (str(captioned.value.code), capsys.readouterr().err.splitlines()[-1]):
        assert line == (
            f"error: {trained_vae.best}: expected a model that captions images, got an ImageCoder (a discrete VAE, "
            f"which turns images into a grid of codes, and codes into images; it reads no captions); name another"
        )


def test_a_captioner_is_no_discrete_vae(trained: TinyRun) -> None:
    with pytest.raises(ValueError, match=r"expected a discrete VAE \(model=discrete_vae of train.py\), got a Var"):
        load_discrete_vae(trained.best)


def test_its_encoder_starts_a_captioner_and_another_discrete_vae(trained_vae: TinyRun, tmp_path: Path) -> None:
    """One reads words and the other does not: their tokenizers are no reason to refuse."""
    for name, choices in (("captioner", ["model/encoder=strided"]), ("coder", ["model=discrete_vae"])):
        module, _ = build_tiny(tmp_path / name, choices=choices)
        start = warm_start(module, trained_vae.best, skip="decoder_")
        assert {key.split(".")[1] for key in start.kept} == {"encoder"} | ({"quantizer"} if name == "coder" else set())
        assert all(".decoder_image." in key for key in start.skipped)
        theirs, ours = load_module(trained_vae.best).state_dict(), module.state_dict()
        assert all(torch.equal(ours[key], theirs[key]) for key in start.kept)


class _LastStep(Callback):
    """Keeps the codebook and a weight as the last step has left them."""

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        state = pl_module.state_dict()
        self.codebook = state["network.quantizer.codebook_KE"].clone()
        self.weight = state["network.quantizer.projection.weight"].clone()


def test_averaged_weights_meet_the_codebook_of_the_last_step(tmp_path: Path) -> None:
    """The codebook of vq is an average itself, a buffer that no optimizer moves."""
    coder, datamodule = build_tiny(tmp_path / "run", choices=["model=discrete_vae", "model/quantizer=vq"])
    last = _LastStep()
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    callbacks = [MovingAverage(decay=0.9), last]
    trainer = Trainer(max_epochs=2, enable_model_summary=False, callbacks=callbacks, **quiet)  # type: ignore[arg-type]
    trainer.fit(coder, datamodule=datamodule)
    quantizer = coder.network.quantizer
    assert quantizer.started
    assert torch.equal(quantizer.codebook_KE, last.codebook)
    assert not torch.equal(quantizer.projection.weight, last.weight)
