"""What each logger but TensorBoard's leaves of a run: its figures and settings."""

import csv
import math
import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from tests.tiny_run import WITHOUT_PICTURES, compose_tiny, run_tiny


def test_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_tiny(tmp_path / "run", choices=["logger=csv"])  # with all that shows pictures and captions elsewhere
    folder = tmp_path / "run/csv/version_0"
    with (folder / "metrics.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    for name, times in (("train/loss", 2), ("val/loss", 1), ("test/loss", 1), ("val/coco/CIDEr-D", 1)):
        values = [float(row[name]) for row in rows if row[name]]
        assert len(values) == times
        assert all(map(math.isfinite, values))
    assert OmegaConf.load(folder / "hparams.yaml")["model.optimizer.lr"] == 0.003
    assert f"figures:     {folder}" in capsys.readouterr().out


def test_wandb_offline(tmp_path: Path) -> None:
    wandb = pytest.importorskip("wandb")
    for job in ("one", "two"):  # as in a sweep
        run_tiny(tmp_path / job, "test=false", *WITHOUT_PICTURES, choices=["logger=wandb"])
    wandb.finish()
    for job in ("one", "two"):
        (written,) = (tmp_path / job / "wandb").glob("offline-run-*/*.wandb")
        content = written.read_bytes()
        assert {b"train/loss", b"val/loss"} <= {*re.findall(rb"(?:train|val)/loss", content)}


def test_mlflow_in_a_file(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    run_tiny(tmp_path / "run", "test=false", *WITHOUT_PICTURES, choices=["logger=mlflow"])
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'run'}/mlflow.db")
    (experiment,) = (found for found in client.search_experiments() if found.name == "facet")
    (run,) = client.search_runs([experiment.experiment_id])
    assert {"train/loss", "val/loss"} <= run.data.metrics.keys()
    assert run.data.params["model.optimizer.lr"] == "0.003"


@pytest.mark.parametrize("logger", ["csv", "mlflow", "wandb"])
def test_every_logger_composes(logger: str, tmp_path: Path) -> None:
    assert compose_tiny(tmp_path, choices=[f"logger={logger}"]).logger._target_.startswith("pytorch_lightning.loggers.")


def test_a_missing_package_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pytorch_lightning.loggers.wandb._WANDB_AVAILABLE", False)
    with pytest.raises(SystemExit, match="1"):
        run_tiny(tmp_path / "run", choices=["logger=wandb"])
    assert "error: logger._target_=pytorch_lightning.loggers.WandbLogger: " in capsys.readouterr().err
