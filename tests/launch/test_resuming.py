"""Going on with a run: which checkpoint is taken, and what is refused."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from tensorboard.summary.writer import event_file_writer

import train
from launch import checks
from launch.resuming import newest_intact, refuse_other_version
from lightning_modules.checkpoints.durable_io import read_intact
from tests.tiny_run import TinyRun, compose_train, hydra_job, read_events, run_tiny, scalars


def _resume(run_dir: Path, *settings: str) -> float | None:
    own = [f"hydra.runtime.output_dir={run_dir.parent}/hydra", "hydra.mode=RUN"]
    with hydra_job(compose_train([f"resume={run_dir}", *own, *settings], with_hydra=True)) as config:
        return train.main(config)


def _refused(capsys: pytest.CaptureFixture[str], run_dir: Path, *settings: str) -> str:
    """Return the one line that `train.py` ends with."""
    with pytest.raises(SystemExit, match="1"):
        _resume(run_dir, *settings)
    return " ".join(capsys.readouterr().err.split())


@pytest.fixture(scope="module", autouse=True)
def _files_in_order() -> Iterator[None]:
    """Let TensorBoard's files of one second and one process be read in their order: by name, 10 comes before 9."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(100))
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    return run_tiny(tmp_path_factory.mktemp("runs") / "finished")


def test_a_finished_run_is_tested_again_and_returns_its_metric(finished: TinyRun) -> None:
    before = scalars(finished.events)
    assert _resume(finished.folder) == finished.metric
    after = scalars(read_events(finished.folder / "tensorboard"))
    assert after["train/loss"] == before["train/loss"]  # what was logged before is still shown
    assert after["test/loss"] == before["test/loss"]  # in place of the first test's
    assert after.keys() == before.keys()
    assert {name: len(points) for name, points in after.items()} == {n: len(points) for n, points in before.items()}
    assert not (finished.folder.parent / "hydra" / "config.yaml").exists()


def test_a_run_that_had_stopped_early_is_not_trained_on(tmp_path: Path) -> None:
    never_better = (
        "{_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: val/loss, patience: 1, min_delta: 99}"
    )
    settings = ("trainer.max_epochs=4", f"+callbacks.early_stopping={never_better}", "optimized_metric=train/loss")
    stopped = run_tiny(tmp_path / "stopped", *settings)
    before = scalars(stopped.events)
    assert len(before["train/loss"]) == 4  # two epochs of two steps
    assert _resume(stopped.folder) == stopped.metric
    assert scalars(read_events(stopped.folder / "tensorboard")) == before


def test_prolonging_keeps_the_best_of_both_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "refuse_wrong_directions", lambda config: None)  # here the highest loss is the best
    choices = ["model/scheduler=constant"]
    settings = ("test=false", "callbacks.checkpoint.monitor=val/loss", "callbacks.checkpoint.mode=max")
    first = run_tiny(tmp_path / "first", *settings, choices=choices)
    last = first.folder / "checkpoints" / "last.ckpt"
    # the loss falls: the first epoch's is the highest, so that the best checkpoint stays what it was
    second = run_tiny(tmp_path / "second", *settings, "trainer.max_epochs=2", f"ckpt_path={last}", choices=choices)
    (before, after) = (dict(scalars(run.events)["val/loss"]) for run in (first, second))
    assert max(after.values()) < max(before.values())
    assert second.best.read_bytes() == first.best.read_bytes()


def test_a_run_without_a_checkpoint_starts_again(finished: TinyRun) -> None:
    shutil.rmtree(finished.folder / "checkpoints")
    assert _resume(finished.folder) == finished.metric
    assert (finished.folder / "checkpoints" / "last.ckpt").exists()


def test_a_run_that_was_moved_is_refused(trained: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(trained.folder, tmp_path / "moved")
    printed = _refused(capsys, tmp_path / "moved")
    assert f"moved: this run was made in {trained.folder}, where its settings say" in printed


def _as_of_format_3(run: TinyRun) -> None:
    """Make a run what an earlier version would have left."""
    config = (run.folder / "config.yaml").read_text()
    (run.folder / "config.yaml").write_text(config.replace("_target_: metrics.RougeScore", "_target_: metrics.Rouge"))
    path = run.folder / "checkpoints/last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    tokenizer = json.loads(checkpoint["hyper_parameters"]["tokenizer"])
    text = json.dumps({**tokenizer, "max_length": tokenizer["max_length"] - 1})
    checkpoint |= {"facet_format": 3, "hyper_parameters": {**checkpoint["hyper_parameters"], "tokenizer": text}}
    torch.save(checkpoint, path)


def test_a_run_of_an_earlier_version_is_refused_and_its_weights_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_tiny(tmp_path / "run", "test=false")
    _as_of_format_3(run)
    printed = _refused(capsys, run.folder)
    assert f"resume={run.folder}: another version made this run: its checkpoints have format 3, and those of" in printed
    assert "its settings name metrics.rouge_score._target_=metrics.Rouge (and 1 more), which cannot be" in printed
    command = re.search(
        r"or start a new run from its weights, .*train.py (.*) beside settings of this version", printed
    )
    assert command
    run_tiny(tmp_path / "anew", "test=false", choices=command[1].split())


def test_a_run_whose_class_is_gone_is_refused(tmp_path: Path) -> None:
    config = OmegaConf.create({"callbacks": {"own": [{"_target_": "my_lab.Callback"}, {"_target_": "callbacks.EMA"}]}})
    message = r"its settings name callbacks.own\[0\]._target_=my_lab.Callback \(and 1 more\), .*, or start it anew"
    with pytest.raises(ValueError, match=message):
        refuse_other_version(tmp_path, config, None, {})


def test_the_newest_intact_checkpoint_is_taken_and_the_damaged_one_named(
    trained: TinyRun, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = trained.best.read_bytes()
    (tmp_path / "last.ckpt").write_bytes(whole[:-1000])
    (tmp_path / "previous.ckpt").write_bytes(whole)
    path, checkpoint = newest_intact(tmp_path)
    assert (path, checkpoint["global_step"]) == (tmp_path / "previous.ckpt", 2)
    assert re.search(r"last.ckpt: not a readable checkpoint .*; trying the one before", caplog.text)


def test_damaged_checkpoints_alone_are_refused(tmp_path: Path) -> None:
    (tmp_path / "last.ckpt").write_bytes(b"torn")
    with pytest.raises(ValueError, match=r"all checkpoints are damaged \(last.ckpt\); start the run anew"):
        newest_intact(tmp_path)


def test_what_is_no_run_directory_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = "error: resume=.*{} is not a run directory: {}; expected one that train.py made"
    assert re.search(message.format("gone", "there is no such folder"), _refused(capsys, tmp_path / "gone"))
    (tmp_path / "empty").mkdir()
    assert re.search(message.format("empty", "it holds no config.yaml"), _refused(capsys, tmp_path / "empty"))


def test_other_settings_beside_resume_are_refused(trained: TinyRun, capsys: pytest.CaptureFixture[str]) -> None:
    printed = _refused(capsys, trained.folder, "trainer.max_epochs=7")
    assert re.search(
        "goes on with the settings of that run; leave out trainer.max_epochs=7, or name .*ckpt_path", printed
    )


def test_changed_data_are_refused_and_named(
    trained: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = trained.folder / "checkpoints" / "last.ckpt"
    with pytest.raises(SystemExit, match="1"):
        run_tiny(tmp_path / "run", f"ckpt_path={last}", "data.num_val=4")
    printed = " ".join(capsys.readouterr().err.split())
    named = "images of the train split, captions of the train split, images of the val split, captions of the val split"
    assert f"error: the data changed since the checkpoint was written: {named}; bring the old data back" in printed


def test_more_epochs_than_the_learning_rate_was_planned_for_are_refused(
    trained: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = trained.folder / "checkpoints" / "last.ckpt"
    with pytest.raises(SystemExit, match="1"):
        run_tiny(tmp_path / "run", f"ckpt_path={last}", "trainer.max_epochs=2")
    printed = " ".join(capsys.readouterr().err.split())
    assert re.search(
        r"trainer.max_epochs=2 makes 4 steps, .*one_cycle\) was planned for 2 and ends there; keep", printed
    )


def test_checkpoints_are_of_moments_to_go_on_from(trained: TinyRun) -> None:
    names = {path.name for path in (trained.folder / "checkpoints").iterdir()}
    assert names == {"best.ckpt", "last.ckpt"}
    checkpoint = read_intact(trained.folder / "checkpoints" / "last.ckpt")
    assert checkpoint["loops"]["fit_loop"]["state_dict"]["combined_loader"] == [
        {"batches": 2, "batch_size": 4, "num_processes": 1, "seed": 42}
    ]
    assert isinstance(checkpoint["state_dict"], dict)
    assert torch.is_tensor(checkpoint["callbacks"]["ResumeCheckpoints"]["metrics"]["val/nats/caption"])
