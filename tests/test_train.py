"""Training from the command line: what a run writes, prints and returns, and how it refuses."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

import train
from launch.devices import refuse_lost_devices
from lightning_modules import load_captioner
from metrics import RougeScore
from tests.tiny_run import (
    ROOT,
    TinyRun,
    build_tiny,
    compose_tiny,
    hydra_job,
    read_events,
    run_tiny,
    scalars,
    tiny_overrides,
)


def _command_line(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Let `train.main()` be called as from the command line, and Hydra leave the tests' logging alone."""
    quiet = ["hydra/job_logging=none", "hydra/hydra_logging=none"]
    monkeypatch.setattr(sys, "argv", ["train.py", "--config-path", str(ROOT / "conf"), *arguments, *quiet])


def _tiny_arguments(folder: Path) -> list[str]:
    return [*tiny_overrides(), f"cache_dir={folder}/cache", f"hydra.run.dir={folder}/run"]


def _train_py(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script as a user does, without a GPU and with one thread."""
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    env.pop("PL_GLOBAL_SEED", None)
    command = [sys.executable, str(ROOT / "train.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=900, check=False)


@pytest.mark.slow
def test_the_script_trains_writes_and_tells(trained: TinyRun, tmp_path: Path) -> None:
    finished = _train_py(*_tiny_arguments(tmp_path))
    assert finished.returncode == 0, finished.stderr
    run = tmp_path / "run"
    config = OmegaConf.to_container(OmegaConf.load(run / "config.yaml"))
    assert isinstance(config, dict)
    assert config["trainer"]["default_root_dir"] == str(run)  # every interpolation is resolved
    assert config["data"]["tokenizer"] == config["tokenizer"]
    assert {path.name for path in (run / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}

    assert "Final metrics" in finished.stdout
    for name in ("rouge_score/rougeL", "caption_truth", "nats/caption"):
        assert re.search(rf"{name}\s.*\d\.\d{{4}}.*\d\.\d{{4}}", finished.stdout), name
    printed = 2 + 3  # after the validation, and at the end
    assert finished.stdout.count("  model: ") == finished.stdout.count("  human: ") == printed
    assert f"{run}/checkpoints/best.ckpt" in finished.stdout
    assert f"tensorboard --logdir {run}/tensorboard" in finished.stdout
    for said in ("data:     shapes: 8 images", "model:    VariationalCaptioner with", "training: 1 epoch on the CPU"):
        assert said in finished.stdout
    assert "captions of validation images after 2 steps, in epoch 1" in finished.stdout
    assert f"  # describe images\n  python caption.py {run}/checkpoints/best.ckpt --example\n" in finished.stdout
    assert "Traceback" not in finished.stderr

    # the same seed in another process: every curve is the same to the last digit
    assert scalars(read_events(run / "tensorboard")) == scalars(trained.events)


def test_the_metric_is_returned_and_another_seed_is_another_run(trained: TinyRun, tmp_path: Path) -> None:
    curves = scalars(trained.events)
    assert trained.metric == pytest.approx(curves["val/nats/caption"][-1][1])
    other = run_tiny(tmp_path / "run", "seed=43", "test=false", "optimized_metric=train/loss")
    assert other.metric is not None
    losses = scalars(other.events)["train/loss"]
    assert losses != curves["train/loss"]
    assert not any(tag.startswith("test/") for tag in scalars(other.events))


def test_an_interrupted_run_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    # the default's learning rate ends with the first run
    choices = ["model/scheduler=constant"]
    settings = ["callbacks.checkpoint.monitor=val/loss", "callbacks.checkpoint.mode=min"]  # falls from epoch to epoch
    first = run_tiny(tmp_path / "first", "trainer.max_epochs=1", "test=false", *settings, choices=choices)
    last = first.folder / "checkpoints" / "last.ckpt"
    resumed = run_tiny(tmp_path / "second", "trainer.max_epochs=2", f"ckpt_path={last}", *settings, choices=choices)
    steps = [step for step, _ in scalars(resumed.events)["train/loss"]]
    assert steps == [2, 3]
    assert torch.load(resumed.folder / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 4
    assert len(scalars(resumed.events)["test/loss"]) == 1


def test_resuming_does_not_read_published_vectors_again(tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text(f"circle {' '.join(['7'] * 12)}\n")
    choices = ["model/scheduler=constant", "model/embedding=pretrained", f"model.embedding.vectors={vectors}"]
    first = run_tiny(tmp_path / "first", "test=false", choices=choices)
    vectors.unlink()
    last = first.folder / "checkpoints" / "last.ckpt"
    run_tiny(tmp_path / "second", "trainer.max_epochs=2", "test=false", f"ckpt_path={last}", choices=choices)


@pytest.mark.slow
def test_a_batch_larger_than_the_data_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    finished = _train_py(*_tiny_arguments(tmp_path), "data.batch_size=9")
    assert finished.returncode == 1
    assert "error: data.batch_size=9 is larger than the 8 training images; set data.batch_size to" in finished.stderr
    assert "Traceback" not in finished.stderr + finished.stdout


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model/encoder=nothing", "Could not find 'model/encoder/nothing'"),
        ("model.encoder.nothing=1", "Key 'nothing' is not in struct"),
        ("data.image_size=36", r"error: data.image_size=36 must be a multiple of 2\^num_layers"),
        ("generation.max_length=0", "error: generation.max_length must be at least 1, got 0"),
        ("logger.purge_step=x", "error: logger.purge_step must be a whole number or null, got 'x'"),
        ("data.tokenizer=null", "error: data.tokenizer=null names no tokenizer to train with"),
        ("ckpt_path=nowhere.ckpt", "error: .*nowhere.ckpt"),
    ],
)
def test_mistakes_on_the_command_line_are_named(
    override: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _command_line(monkeypatch, *_tiny_arguments(tmp_path), override)
    with pytest.raises(SystemExit, match="1"):
        train.main()
    stderr = _stderr(capsys)
    assert re.search(message, stderr), stderr
    assert "Traceback" not in stderr


def test_a_sweep_trains_once_for_each_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = [*_tiny_arguments(tmp_path), "test=false", f"hydra.sweep.dir={tmp_path}/sweep"]
    _command_line(monkeypatch, "-m", *arguments, "model/combiner=mult,add")
    train.main()
    for job, combiner in (("0", "MultCombiner"), ("1", "AddCombiner")):
        captioner = load_captioner(tmp_path / "sweep" / job / "checkpoints" / "best.ckpt")
        assert type(captioner.network.combiner).__name__ == combiner
        assert len(scalars(read_events(tmp_path / "sweep" / job / "tensorboard"))["train/loss"]) == 2


def test_a_sweep_that_would_rerun_itself_in_its_children_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*_tiny_arguments(tmp_path), f"hydra.sweep.dir={tmp_path}/sweep", "trainer.devices=2"]
    _command_line(monkeypatch, "-m", *arguments, "model/combiner=mult,add")
    with pytest.raises(SystemExit, match="1"):
        train.main()
    assert re.search(r"devices=2 .*; set trainer.devices=1, or trainer.strategy=ddp_spawn", _stderr(capsys))
    assert not [*tmp_path.glob("sweep/*/checkpoints")]


def test_a_single_run_on_two_devices_is_not_refused(tmp_path: Path) -> None:
    with hydra_job(compose_tiny(tmp_path / "run", "trainer.devices=2")) as config:
        trainer = instantiate(config.trainer, callbacks=[], logger=False)
        refuse_lost_devices(trainer)
    assert trainer.num_devices == 2


@pytest.mark.slow
def test_two_processes_train_together_and_log_what_one_would_measure(tmp_path: Path) -> None:
    uneven = ["data.batch_size=2", "data.num_val=5", "data.num_test=5"]
    finished = _train_py(*_tiny_arguments(tmp_path), "trainer.devices=2", *uneven)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("Final metrics") == 1
    run = tmp_path / "run"
    assert len([*(run / "tensorboard").glob("events*")]) <= 3  # one process writes: training, test, final metrics
    curves = scalars(read_events(run / "tensorboard"))
    assert [step for step, _ in curves["train/loss"]] == [0, 1]  # 8 images, 2 on each of 2 processes a step
    assert len(curves["val/rouge_score/rougeL"]) == 1

    _, datamodule = build_tiny(tmp_path / "alone", *uneven)
    captioner, rouge = load_captioner(run / "checkpoints" / "best.ckpt"), RougeScore()
    for batch in datamodule.test_dataloader():
        rouge.update(
            captioner.generate(captioner.encode(batch.images_BCHW)).captions, batch.references, batch.image_ids_B
        )
    for name, value in rouge.compute().items():
        ((_, logged),) = curves[f"test/{name}"]
        assert logged == value.float().item()


def _stderr(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what was printed for the user as one line, however wide the terminal."""
    return " ".join(capsys.readouterr().err.split())
