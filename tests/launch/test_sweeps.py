"""Sweeps: what fails in one job is told, and loses nothing of the others."""

import csv
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import hydra
import pytest
from omegaconf import DictConfig, OmegaConf

import train
from launch import sweeps
from launch.sweep_table import RECORDS, JobRecord, varied
from launch.sweeps import recorded, with_sweeps
from tests.test_train import _command_line, _tiny_arguments, _train_py
from utils.errors import in_one_line

SETTINGS = {
    "number": 0,
    "mode": "none",
    "optimized_metric": "score",
    "hydra": {
        "callbacks": {
            "folder": {"_target_": "launch.run_folder.OwnFolder"},
            "sweep": {"_target_": "launch.sweeps.SweepStart"},
        }
    },
}


def score(config: DictConfig) -> float:
    """What a job of these tests does: it returns its number, or goes wrong in one of several ways."""
    mode = ("none", "nan", "bug")[config.number % 3] if config.mode == "by number" else config.mode
    if mode == "mistake":
        raise ValueError(f"number must be small, got {config.number} | wrong")
    if mode == "bug":
        raise KeyError("a bug of ours")
    if mode == "interrupt":
        raise KeyboardInterrupt
    return math.nan if mode == "nan" else float(config.number)


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Returns a function that runs a sweep of `score` with arguments, as from the command line; it gives its folder."""
    OmegaConf.save(OmegaConf.create(SETTINGS), tmp_path / "config.yaml")
    script = with_sweeps(
        hydra.main(version_base="1.3", config_path=str(tmp_path), config_name="config")(recorded(in_one_line(score)))
    )

    def run(*arguments: str) -> Path:
        quiet = ["hydra/job_logging=none", "hydra/hydra_logging=none", f"hydra.sweep.dir={tmp_path}/sweep"]
        monkeypatch.setattr(sys, "argv", ["score.py", "-m", *quiet, *arguments])
        script()
        return tmp_path / "sweep"

    return run


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "sweep.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_all_jobs_are_in_one_table(sweep: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    folder = sweep("number=3,1,2")
    rows = rows_of(folder)
    assert [row["score"] for row in rows] == ["3.0", "1.0", "2.0"]
    assert [row["number"] for row in rows] == ["3", "1", "2"]
    assert {row["status"] for row in rows} == {"finished"}
    assert [Path(row["folder"]) for row in rows] == [folder / str(job) for job in range(3)]
    printed = capsys.readouterr().out
    assert re.search(r"1 .* finished .* 1\.0000 .* 0 s .* 1", printed)
    assert f"table: {folder}/sweep.csv" in printed
    assert len((folder / "sweep.md").read_text().splitlines()) == 5


def test_failed_jobs_do_not_end_the_sweep(sweep: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="1"):
        sweep("mode=mistake,none,bug", "number=7", "hydra.sweeper.max_batch_size=1")
    folder = Path(sweeps._sweeps[-1])
    rows = rows_of(folder)
    assert [row["status"] for row in rows] == ["failed", "finished", "failed"]
    assert [row["error"] for row in rows] == ["number must be small, got 7 | wrong", "", "KeyError: 'a bug of ours'"]
    assert [row["score"] for row in rows] == ["", "7.0", ""]
    shown = capsys.readouterr()
    assert "error: job 0: number must be small, got 7 | wrong" in shown.err
    assert shown.err.count("Traceback") == 1  # of the bug, not of the mistake
    assert "number" not in shown.out.splitlines()[2]  # it is the same in all jobs
    assert "got 7 \\| wrong" in (folder / "sweep.md").read_text()


def test_ctrl_c_ends_the_sweep_and_shows_what_is_there(
    sweep: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="130"):
        sweep("mode=none,interrupt,nan")
    assert [row["status"] for row in rows_of(sweeps._sweeps[-1])] == ["finished", "unfinished"]
    assert "Sweep of 2 jobs" in capsys.readouterr().out


def test_an_earlier_sweep_in_the_folder_is_kept(sweep: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    folder = sweep("number=1,2,3")
    before = (folder / "sweep.csv").read_text()
    with pytest.raises(SystemExit, match="1"):
        sweep("number=8,9")
    assert f"error: hydra.sweep.dir={folder} holds sweep.csv of an earlier run" in capsys.readouterr().err
    assert (folder / "sweep.csv").read_text() == before
    assert len([*folder.glob("[0-9]")]) == 3


def test_the_table_is_there_before_the_sweep_is_over(tmp_path: Path) -> None:
    record = JobRecord(number=1, folder="1", overrides={"a": "1"}, metric_name="val/x")
    record.write(tmp_path)
    record.finished(0.5, 2.0).write(tmp_path)
    JobRecord(number=0, folder="0", overrides={"a": "2"}, metric_name="val/x").write(tmp_path)
    assert [(row["job"], row["status"], row["val/x"]) for row in rows_of(tmp_path)] == [
        ("0", "unfinished", ""),
        ("1", "finished", "0.5"),
    ]


def test_what_varies_is_shown() -> None:
    records = [
        JobRecord(number=0, folder="", overrides={"a": "1", "b": "1"}),
        JobRecord(number=1, folder="", overrides={"a": "1", "b": "2", "c": "3"}),
    ]
    assert varied(records) == ["b", "c"]
    assert varied(records[:1]) == ["a", "b"]


@pytest.mark.filterwarnings("ignore")  # Optuna's own use of what other packages have deprecated
def test_optuna_counts_failed_trials_as_failed_and_goes_on(sweep: Callable[..., Path], tmp_path: Path) -> None:
    search = ["hydra/sweeper=optuna", "hydra.sweeper.direction=maximize", "hydra.sweeper.n_trials=8"]
    search += ["hydra.sweeper.n_jobs=1", "hydra.sweeper.max_failure_rate=1.0", "hydra.sweeper.sampler.seed=1"]
    with pytest.raises(SystemExit, match="1"):
        sweep(*search, "number=range(0,100)", "mode=by number")
    rows = rows_of(tmp_path / "sweep")
    statuses = {int(row["number"]) % 3: row["status"] for row in rows}
    assert len(rows) == 8
    assert statuses == {0: "finished", 1: "finished", 2: "failed"}
    best = OmegaConf.load(tmp_path / "sweep" / "optimization_results.yaml").best_value
    assert best == max(float(row["number"]) for row in rows if int(row["number"]) % 3 == 0)


@pytest.mark.parametrize(
    ("argument", "package"),
    [
        ("hparams_search=optuna", "hydra-optuna-sweeper"),
        ("hydra/launcher=slurm", "hydra-submitit-launcher"),
        ("hydra/launcher=submitit_local", "hydra-submitit-launcher"),
    ],
)
def test_a_missing_extra_is_named_with_its_command(
    argument: str, package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nothing_is_installed(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(sweeps, "distribution", nothing_is_installed)
    monkeypatch.setattr(sys, "argv", ["train.py", "-m", argument])
    with pytest.raises(SystemExit, match="1"):
        train.main()
    expected = f"error: {argument} needs the package {package}, which is not installed; run: pip install {package} "
    assert capsys.readouterr().err.startswith(expected)


def test_a_failed_run_beside_others_is_in_the_sweeps_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*_tiny_arguments(tmp_path), "test=false", f"hydra.sweep.dir={tmp_path}/sweep"]
    _command_line(monkeypatch, "-m", *arguments, "data.batch_size=9,4")
    with pytest.raises(SystemExit, match="1"):
        train.main()
    failed, finished = rows_of(tmp_path / "sweep")
    assert (failed["status"], failed["data.batch_size"]) == ("failed", "9")
    assert failed["error"].startswith("data.batch_size=9 is larger than the 8 training images")
    assert finished["status"] == "finished"
    assert float(finished["val/nats/caption"]) >= 0
    assert json.loads((tmp_path / "sweep" / RECORDS / "1.json").read_text())["number"] == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("choices", "num_jobs"),
    [
        (["hparams_search=optuna", "hydra.sweeper.n_trials=2"], 2),
        (["hydra/launcher=submitit_local", "hydra.launcher.timeout_min=5", "seed=1,2"], 2),
        (["trainer.strategy=ddp_spawn", "trainer.devices=2", "data.batch_size=2", "seed=1"], 1),
    ],
    ids=["optuna", "submitit", "two_devices"],
)
def test_searches_launchers_and_devices(choices: list[str], num_jobs: int, tmp_path: Path) -> None:
    arguments = [*_tiny_arguments(tmp_path), "test=false", f"hydra.sweep.dir={tmp_path}/sweep"]
    finished: subprocess.CompletedProcess[str] = _train_py("-m", *arguments, *choices)
    assert finished.returncode == 0, finished.stderr
    rows = rows_of(tmp_path / "sweep")
    assert [row["status"] for row in rows] == ["finished"] * num_jobs
    searched = "hparams_search=optuna" in choices
    metric, highest = ("val/rouge_score/rougeL", 1.0) if searched else ("val/nats/caption", sys.float_info.max)
    values = [float(row[metric]) for row in rows]
    assert all(0 <= value <= highest for value in values)
    assert f"Sweep of {num_jobs} jobs" in finished.stdout
    if searched:
        results = OmegaConf.load(tmp_path / "sweep" / "optimization_results.yaml")
        assert results.best_value == max(values)
        assert len({row["model.optimizer.lr"] for row in rows}) == num_jobs
