"""Every key of Lightning's Trainer: a step is trained with it, or one line says what to use instead."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from omegaconf import OmegaConf

from launch import trainer as launch_trainer
from launch.trainer import BAREBONES, choose_precision
from tests.tiny_parts import Parts
from tests.tiny_run import run_tiny
from utils.errors import cause_of, first_line, is_mistake

TRAINS = {
    "accelerator": ["auto"],
    "strategy": ["auto"],
    "devices": ["auto"],
    "num_nodes": ["1"],
    "precision": ["32", "16-mixed", "bf16", "auto", "null"],
    "logger": ["null"],
    "callbacks": ["null"],
    "fast_dev_run": ["2"],
    "max_epochs": ["1"],
    "min_epochs": ["1"],
    "max_steps": ["1"],
    "min_steps": ["1"],
    "max_time": ["00:00:10:00", "{minutes: 5}"],
    "limit_train_batches": ["1", "0.5"],
    "limit_val_batches": ["0", "9"],
    "limit_test_batches": ["0"],
    "limit_predict_batches": ["1"],
    "overfit_batches": ["1.0"],
    "val_check_interval": ["1", "0.5", "{seconds: 1}"],
    "check_val_every_n_epoch": ["2", "null"],
    "num_sanity_val_steps": ["0", "-1"],
    "log_every_n_steps": ["0"],
    "enable_checkpointing": ["false"],
    "enable_progress_bar": ["false"],
    "enable_model_summary": ["true"],
    "accumulate_grad_batches": ["3"],
    "gradient_clip_val": ["0", "null"],
    "gradient_clip_algorithm": ["value"],
    "deterministic": ["true", "warn"],
    "benchmark": ["true"],
    "inference_mode": ["false"],
    "use_distributed_sampler": ["false"],
    "profiler": ["simple"],
    "detect_anomaly": ["true"],
    "barebones": ["false"],
    "plugins": ["[]"],
    "sync_batchnorm": ["true"],
    "reload_dataloaders_every_n_epochs": ["1"],
    "default_root_dir": ["elsewhere"],
    "enable_autolog_hparams": ["false"],
    "model_registry": ["null"],
}
REFUSED = {
    "accelerator": {"x": "invalid accelerator name"},
    "strategy": {"x": "invalid strategy name"},
    "devices": {"0": "not a valid input", "1.5": "whole number"},
    "num_nodes": {"0": "positive", "2": "srun or torchrun"},
    "precision": dict.fromkeys(
        ["16-true", "bf16-true", "64-true", "64", "'64'", "transformer-engine", "transformer-engine-float16"],
        "is not to be had.*set trainer.precision=bf16-mixed",
    )
    | {"half": "must be .*bf16-mixed"},
    "logger": {"true": "choose logger=none"},
    "callbacks": {"[]": "the group `callbacks`"},
    "fast_dev_run": {"-1": ">= 0"},
    "max_epochs": {"null": "set trainer.max_epochs, trainer.max_steps or", "-2": "non-negative", "1.5": "whole number"},
    "min_epochs": {"-1": "at least 0"},
    "max_steps": {"null": "must be a whole number, got null", "-2": "non-negative"},
    "min_steps": {"-1": "at least 0"},
    "max_time": {"1h": "DD:HH:MM:SS", "60": "must be text"},
    "limit_train_batches": {"-1": "limit_train_batches", "x": "a number or null"},
    "limit_val_batches": {"1.5": "limit_val_batches"},
    "limit_test_batches": {"1.5": "limit_test_batches"},
    "limit_predict_batches": {"x": "a number or null"},
    "overfit_batches": {"1.5": "overfit_batches"},
    "val_check_interval": {"0": "more than 0.*limit_val_batches=0", "1.5": "val_check_interval", "x": "DD:HH:MM:SS"},
    "check_val_every_n_epoch": {"0": "at least 1"},
    "num_sanity_val_steps": {"-2": "at least -1"},
    "log_every_n_steps": {"-1": "at least 0"},
    "enable_checkpointing": {"x": "true or false or null"},
    "enable_progress_bar": {"1": "true or false or null"},
    "enable_model_summary": {"x": "true or false or null"},
    "accumulate_grad_batches": {"0": "at least 1", "1.5": "whole number"},
    "gradient_clip_val": {"-1": "at least 0", ".nan": "a number", "x": "a number"},
    "gradient_clip_algorithm": {"x": "Allowed algorithms"},
    "deterministic": {"x": "true or false or warn or null"},
    "benchmark": {"x": "true or false or null"},
    "inference_mode": {"null": "true or false, got null"},
    "use_distributed_sampler": {"x": "true or false"},
    "profiler": {"x": "it can only be one of"},
    "detect_anomaly": {"x": "true or false"},
    "barebones": {"true": "add callbacks=none logger=none"},
    "plugins": {"x": "a list of .* or null"},
    "sync_batchnorm": {"x": "true or false"},
    "reload_dataloaders_every_n_epochs": {"-1": ">= 0"},
    "default_root_dir": {"null": "set hydra.run.dir"},
    "enable_autolog_hparams": {"x": "true or false"},
    "model_registry": {"here": "would have no effect"},
    "max_epoch": {"1": "is not a setting of pytorch_lightning.Trainer; expected one such as max_epochs"},
}
KEYS = [*inspect.signature(pl.Trainer).parameters]


def test_every_key_is_tried() -> None:
    assert TRAINS.keys() == {*KEYS}
    assert {*KEYS} <= REFUSED.keys()


@pytest.fixture
def _any_algorithm() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("_any_algorithm")
@pytest.mark.filterwarnings("ignore")  # Lightning has its say on many of them
@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in TRAINS.items() for value in values])
def test_a_step_is_trained_with_it(
    name: str, value: str, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trainer = parts.trainer(**{name: value})
    trainer.fit(parts.captioner, datamodule=parts.datamodule)
    assert trainer.global_step > 0
    if "test" in name:
        trainer.test(parts.captioner, datamodule=parts.datamodule, verbose=False)


@pytest.mark.parametrize(
    ("name", "value", "message"), [(name, *pair) for name, values in REFUSED.items() for pair in values.items()]
)
def test_it_is_refused_in_one_line(name: str, value: str, message: str, parts: Parts) -> None:
    with pytest.raises(Exception, match=message) as refused:
        parts.trainer(**{name: value})
    assert is_mistake(cause_of(refused.value))
    assert "\n" not in first_line(cause_of(refused.value))


@pytest.mark.filterwarnings("ignore")
def test_barebones_trains_with_what_its_line_says(tmp_path: Path) -> None:
    choices = BAREBONES.split()[:2]
    run = run_tiny(tmp_path / "run", "+trainer.barebones=true", *BAREBONES.split()[2:], choices=choices)
    assert run.metric is None


def test_one_batch_is_learned_by_heart(parts: Parts) -> None:
    trainer = parts.trainer(overfit_batches="1", max_epochs="3")
    seen = SeenImages()
    trainer.callbacks.append(seen)  # type: ignore[attr-defined]
    trainer.fit(parts.captioner, datamodule=parts.datamodule)
    assert len(seen.batches) == 3
    assert len(seen.batches[0][0]) == 4
    assert seen.batches[0] == seen.batches[1] == seen.batches[2]


class SeenImages(pl.Callback):
    """Notes the images of each training batch, and the first words of what is said of them."""

    def __init__(self) -> None:
        self.batches: list[tuple[list[int], list[list[int]]]] = []

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, idx: int) -> None:
        self.batches.append((batch.image_ids_B.tolist(), batch.tokens_NL.tolist()))


@pytest.mark.parametrize("settings", [{"max_steps": "0"}, {"max_epochs": "0"}, {"limit_train_batches": "0"}])
def test_a_run_of_no_step_ends_well(settings: dict[str, str], parts: Parts) -> None:
    trainer = parts.trainer(**settings)
    trainer.fit(parts.captioner, datamodule=parts.datamodule)
    assert trainer.global_step == 0


def test_any_number_of_epochs_needs_a_number_of_steps_or_a_constant_rate(parts: Parts) -> None:
    trainer = parts.trainer(max_epochs="-1", max_time="00:00:00:01")
    parts.captioner.check_run(trainer)  # model/scheduler=constant
    parts.captioner.hparams["scheduler"] = {"_target_": "torch.optim.lr_scheduler.OneCycleLR"}
    try:
        with pytest.raises(
            ValueError, match=r"max_epochs=-1 leaves open.*set trainer.max_steps.*model/scheduler=constant"
        ):
            parts.captioner.check_run(trainer)
        parts.captioner.check_run(parts.trainer(max_epochs="-1", max_steps="3"))
    finally:
        parts.captioner.hparams["scheduler"] = {}


def test_batch_normalisation_over_processes_needs_gpus(parts: Parts) -> None:
    with pytest.raises(ValueError, match=r"trainer.sync_batchnorm=true needs GPUs; leave it out"):
        parts.trainer(sync_batchnorm="true", devices="2", strategy="ddp_fork")


@pytest.mark.parametrize(("reason", "expected"), [("AMX", "bf16-mixed"), (None, "32-true")])
def test_precision_is_chosen_by_what_is_there_and_reported(
    reason: str | None, expected: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(launch_trainer, "native_bfloat16", lambda device: reason)
    settings = OmegaConf.create({"precision": "auto", "accelerator": "cpu"})
    with caplog.at_level("INFO"):
        choose_precision(settings)
    assert settings.precision == expected
    assert f"trainer.precision=auto: {expected} (cpu has " in caplog.text
    choose_precision(settings)
    assert settings.precision == expected


def test_a_run_keeps_the_precision_that_was_chosen(tmp_path: Path) -> None:
    run = run_tiny(tmp_path / "run", "trainer.precision=auto", "test=false", "trainer.limit_train_batches=1")
    assert OmegaConf.load(run.folder / "config.yaml").trainer.precision in ("bf16-mixed", "32-true")
