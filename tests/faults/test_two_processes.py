"""Every branch of training that one process may take alone, on two: they decide alike, or the run ends in seconds."""

import errno
import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch.distributed as dist
from pytorch_lightning.strategies import DDPStrategy
from torch import Tensor

from datamodules.image_files.reading import BadImageError
from datamodules.shapes.shapes_datamodule import ShapesSplit
from launch.devices import best_checkpoint
from tests.faults.one_process import SECONDS, TWO_FORKS
from tests.tiny_run import TinyRun, run_tiny, scalars
from tests.two_processes import on_two_processes

# Lightning's and PyTorch's advice on several processes, which as an error would end one of them
pytestmark = pytest.mark.filterwarnings("ignore")

ONE_PROCESS = "+callbacks.one_process={{_target_: tests.faults.one_process.OneProcess, {}}}"
POISON = "+callbacks.poison={{_target_: tests.faults.poison.Poison, rank: 1, batches: {}}}"
LONGEST_END = SECONDS - 5  # less than a process would wait for the other


def _run(folder: Path, *settings: str, choices: tuple[str, ...] = ()) -> TinyRun:
    return run_tiny(folder / "run", *TWO_FORKS, *settings, choices=choices)


def test_a_run_in_which_one_process_alone_meets_all_that_can_be_left_out(tmp_path: Path) -> None:
    """Batches without an image, losses that are no number, and a backbone with parts that nothing trains."""
    run = _run(
        tmp_path,
        "data.num_train=24",
        "data.image_size=64",
        ONE_PROCESS.format("unreadable: [2, 3, 4, 5, 6]"),  # two whole batches, and one of the two images of the next
        POISON.format([4]),
        "callbacks.non_finite.on_non_finite=skip",
        "model.encoder.backbone=test_convnext",
        "model.encoder.weights=null",
        "model.encoder.frozen=false",
        choices=("model=timm", "model/attention=none", "model/decoder=transformer"),
    )
    curves = scalars(run.events)
    assert [value for _, value in curves["train/skipped_steps"]] == [0, 0, 0, 0, 1, 1]  # of six batches
    assert [value for _, value in curves["train/missing_images"]] == [5]
    assert len(json.loads((run.folder / "missing_images.json").read_text())["train"]) == 5
    assert "test/coco/CIDEr-D" in curves


def test_both_processes_stop_over_what_one_of_them_computed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _run(
            tmp_path,
            "data.num_train=16",
            POISON.format([0, 2, 3]),
            "callbacks.non_finite.on_non_finite=skip",
            "callbacks.non_finite.max_consecutive=2",
            "+callbacks.early_stopping={_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: train/reward, "
            "mode: max}",
            choices=("model/self_critical=cider",),
        )
    (error,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert error.startswith("error: step 3 (epoch 0, batch 3): expected a finite loss, got nan")
    folder = tmp_path / "run" / "non_finite"
    saved = sorted(path.name for path in folder.iterdir())
    assert saved == [f"step0000000{step}-rank1.pt" for step in (0, 2, 3)]  # the other process is not to blame


@pytest.mark.parametrize(
    ("rank", "at", "accident", "message"),
    [
        (1, "on_train_batch_start", "unreadable", "3.jpg: not a usable image (cut short); replace or remove the file"),
        (0, "on_train_epoch_end", "unreadable", "3.jpg: not a usable image (cut short); replace or remove the file"),
        (1, "on_validation_batch_end", "unreadable", "3.jpg: not a usable image"),
        (1, "on_save_checkpoint", "killed", "process 1 of 2 was killed or ended (process 1 terminated with signal SIG"),
        (1, "on_test_batch_end", "unreadable", "3.jpg: not a usable image"),
    ],
)
def test_an_accident_of_one_process_ends_the_run_in_seconds_with_its_line(
    rank: int, at: str, accident: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = time.perf_counter()
    with pytest.raises(SystemExit):
        _run(tmp_path, ONE_PROCESS.format(f"rank: {rank}, at: {at}, accident: {accident}"))
    assert time.perf_counter() - start < LONGEST_END
    (error,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert error.startswith(f"error: {message}")


def test_an_image_that_one_process_cannot_read_for_the_features_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    load = ShapesSplit.load_image

    def unreadable(split: ShapesSplit, index: int) -> Tensor:
        if dist.is_initialized() and dist.get_rank() == 1:  # each reads images of its own
            raise BadImageError("3.jpg: not a usable image (cut short); replace or remove the file")
        return load(split, index)

    monkeypatch.setattr(ShapesSplit, "load_image", unreadable)
    start = time.perf_counter()
    with pytest.raises(SystemExit):
        _run(
            tmp_path,
            "data.cache_features=true",
            "model.encoder.backbone=test_efficientnet",
            "model.encoder.weights=null",
            choices=("model=timm", "model/image_decoder=none"),
        )
    assert time.perf_counter() - start < LONGEST_END
    assert "error: 3.jpg: not a usable image (cut short)" in capsys.readouterr().err


def test_a_full_disk_of_one_process_does_not_end_a_run_that_leaves_steps_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("callbacks.non_finite_steps.save_record", full)
    run = _run(tmp_path, POISON.format([0]), "callbacks.non_finite.on_non_finite=skip", "test=false")
    assert scalars(run.events)["train/skipped_steps"] == [(0, 1.0), (1, 1.0)]


def test_all_processes_test_the_checkpoint_that_the_first_one_has(tmp_path: Path) -> None:
    def best(rank: int) -> str:
        path = tmp_path / f"best.ckpt of {rank}"
        if rank == 0:  # the other one's disk has none
            path.touch()
        trainer = SimpleNamespace(
            checkpoint_callback=SimpleNamespace(best_model_path=str(path)), strategy=DDPStrategy(accelerator=None)
        )
        return str(best_checkpoint(trainer))

    assert on_two_processes(best, tmp_path / "forks") == [str(tmp_path / "best.ckpt of 0")] * 2
