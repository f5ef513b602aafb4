"""What this project takes of Lightning beyond its public interface is there, and nothing else looks for more."""

import re
from pathlib import Path

import pytest
import pytorch_lightning as pl
from pytorch_lightning import strategies
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.strategies import launchers

from tests.test_architecture import SOURCES
from tests.tiny_run import ROOT

HERE = ROOT / "utils" / "lightning_internals.py"
OF_LIGHTNING = re.compile(
    r"\b(?:trainer|loop|fit_loop|epoch_loop|strategy|launcher|logger|callback)\._(?!target_)[a-z]\w*"
)
IMPORTED = re.compile(r"^from pytorch_lightning\S* import .*\b_[A-Za-z]\w*", re.MULTILINE)


@pytest.fixture(scope="module")
def trainer() -> pl.Trainer:
    return pl.Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False)


@pytest.mark.parametrize(
    "name", ["callbacks", "fast_dev_run", "fit_loop", "_val_check_time_interval", "should_stop", "strategy"]
)
def test_the_trainer_has(name: str, trainer: pl.Trainer) -> None:
    assert hasattr(trainer, name)


@pytest.mark.parametrize(
    "name",
    ["_can_stop_early", "_data_fetcher", "_load_combined_loader_states", "_restarting", "_should_accumulate"],
)
def test_the_loop_over_epochs_has(name: str, trainer: pl.Trainer) -> None:
    assert hasattr(trainer.fit_loop, name)


@pytest.mark.parametrize(
    "name", ["_batches_that_stepped", "_num_ready_batches_reached", "_should_check_val_fx", "reset_restart_stage"]
)
def test_the_loop_over_batches_has(name: str, trainer: pl.Trainer) -> None:
    assert hasattr(trainer.fit_loop.epoch_loop, name)


def test_the_parts_have(tmp_path: Path) -> None:
    assert hasattr(strategies.DDPStrategy(), "_ddp_kwargs")
    assert hasattr(EarlyStopping("loss"), "_check_on_train_epoch_end")
    assert hasattr(ModelCheckpoint(), "_enable_version_counter")
    assert "purge_step" in TensorBoardLogger(tmp_path, purge_step=3)._kwargs
    assert issubclass(launchers._SubprocessScriptLauncher, object)
    assert issubclass(launchers._MultiProcessingLauncher, object)


def test_no_other_file_looks_for_more() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {private[0]}"
        for path in SOURCES
        if path != HERE
        for pattern in (OF_LIGHTNING, IMPORTED)
        for private in pattern.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []
    assert OF_LIGHTNING.search(HERE.read_text(encoding="utf-8"))
