"""Runs on data in shards: written by the script, trained on, gone on with."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import train
import write_shards
from datamodules.shards.shard_files import ShardFiles
from tests.faults.one_process import TWO_FORKS
from tests.tiny_run import WITHOUT_PICTURES, TinyRun, compose_tiny, compose_train, hydra_job, run_tiny, scalars

NUM_TRAIN = 23
CHOICES = ("data=webdataset", "metrics=rouge")
SETTINGS = ("data.shuffle_buffer=6", "trainer.max_epochs=2", "test=false", *WITHOUT_PICTURES)


def _write(out: Path, *settings: str) -> None:
    own = [f"out={out}", f"data.num_train={NUM_TRAIN}", "images_per_shard=5", *settings]
    with hydra_job(compose_tiny(out.parent / "hydra", *own, name="write_shards")) as config:
        write_shards.main(config)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    _write(folder / "shards")
    return folder / "shards"


@pytest.fixture(scope="module")
def undisturbed(shards: Path) -> TinyRun:
    return run_tiny(shards.parent / "run", f"data.root={shards}", *SETTINGS, choices=CHOICES)


def test_the_script_tells_what_it_has_written(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(shards)  # all is there
    assert f"{shards}/train-*.tar: 23 images in 5 shards" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        _write(shards, "data.seed=7")
    assert "holds shards of other data, or of other settings; choose another folder" in capsys.readouterr().err


def test_a_run_whose_shard_vanished_goes_on_to_the_last_bit(
    shards: Path,
    undisturbed: TinyRun,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = tmp_path / "shards"
    shutil.copytree(shards, root)
    opened: Callable[[ShardFiles, int], int] = ShardFiles._opened
    gone: list[Path] = []

    def vanish(files: ShardFiles, shard: int) -> int:
        path = Path(files.shards[shard])
        if path.name.startswith("train") and len({*files._handles}) == 3 and not gone:
            gone.append(path)
            path.rename(path.with_suffix(".away"))
        return opened(files, shard)

    monkeypatch.setattr(ShardFiles, "_opened", vanish)
    often = "callbacks.resume_checkpoints.every_n_steps=1"
    with pytest.raises(SystemExit):
        run_tiny(tmp_path / "run", f"data.root={root}", often, *SETTINGS, choices=CHOICES)
    (error,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert f"{gone[0]}: " in error
    assert "the shard cannot be read (No such file or directory); bring it back" in error
    gone[0].with_suffix(".away").rename(gone[0])
    own = [f"resume={tmp_path / 'run'}", f"hydra.runtime.output_dir={tmp_path}/hydra", "hydra.mode=RUN"]
    with hydra_job(compose_train(own, with_hydra=True)) as config:
        train.main(config)
    expected, found = (scalars(run.events) for run in (undisturbed, TinyRun(tmp_path / "run", None)))
    losses = dict(found["train/loss"])
    assert len(losses) == 12  # two epochs of six batches
    assert losses == dict(expected["train/loss"])
    assert dict(found["val/loss"]) == dict(expected["val/loss"])


def test_features_of_shards_are_kept(shards: Path, tmp_path: Path) -> None:
    own = ["data.cache_features=true", "model.encoder.backbone=test_efficientnet", "model.encoder.weights=null"]
    one_epoch = ["trainer.max_epochs=1", f"cache_dir={tmp_path}"]
    run = run_tiny(
        tmp_path / "run", f"data.root={shards}", *SETTINGS, *own, *one_epoch, choices=(*CHOICES, "model=timm")
    )
    assert len(scalars(run.events)["train/loss"]) == 6
    files = sorted(path.name for path in (tmp_path / "features").rglob("*.features"))
    assert files == ["00000.features"] * 2  # of training and validation


@pytest.mark.filterwarnings("ignore")
def test_two_processes_train_on_every_image_once(shards: Path, tmp_path: Path) -> None:
    seen = f"+callbacks.seen={{_target_: tests.datamodules.shards.seen.SeenImages, folder: {tmp_path}}}"
    run_tiny(tmp_path / "run", f"data.root={shards}", *SETTINGS, *TWO_FORKS, seen, choices=CHOICES)
    for epoch in range(2):
        batches = [json.loads((tmp_path / f"{epoch}-{rank}.json").read_text()) for rank in range(2)]
        assert [len(of_process) for of_process in batches] == [6, 6]
        ids = Counter(number for of_process in batches for batch in of_process for number in batch)
        assert ids == Counter(range(6, 6 + NUM_TRAIN))
