"""Images that go bad after the check, while a model trains."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from torch import Tensor

from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k
from tests.tiny_run import TinyRun, run_tiny, scalars

CHOICES = ["data=flickr8k", "metrics=rouge", "model/image_decoder=none"]


class Spoil:
    """A transform of training images that spoils files, once, when the first image is served."""

    def __init__(self, folder: str, truncate: Sequence[str], remove: Sequence[str]) -> None:
        self.folder = Path(folder)
        self.truncate = [*truncate]
        self.remove = [*remove]

    def __call__(self, image: Tensor) -> Tensor:
        for name in self.truncate:
            os.truncate(self.folder / name, 200)
        for name in self.remove:
            (self.folder / name).unlink(missing_ok=True)
        return image


def _run(tmp_path: Path, *settings: str, truncate: str = "", remove: str = "") -> TinyRun:
    data = TinyFlickr8k(tmp_path / "flickr8k")
    spoil = [
        f"data.root={data.root}",
        f"data.train_transform={{_target_:tests.faults.test_bad_images.Spoil,folder:{data.images},"
        f"truncate:[{truncate}],remove:[{remove}]}}",
    ]
    return run_tiny(tmp_path / "run", *spoil, *settings, choices=CHOICES)


def test_an_image_that_goes_bad_stops_the_run_and_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="1"):
        _run(tmp_path, truncate=",".join(f"{n}.jpg" for n in range(8)))
    (error,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert ".jpg: not a usable image (" in error
    assert error.endswith("; replace or remove the file, or leave such images out with data.on_bad_data=skip")


@pytest.mark.parametrize(("num_workers", "batch_size"), [(0, 1), (2, 2)])  # of one image: all of a batch are bad
@pytest.mark.filterwarnings("ignore:train_dataloader yielded None")
def test_images_that_go_bad_are_left_out_counted_and_named(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    num_workers: int,
    batch_size: int,
) -> None:
    run = _run(
        tmp_path,
        "data.on_bad_data=skip",
        f"data.batch_size={batch_size}",
        f"data.num_workers={num_workers}",
        "trainer.max_epochs=3",
        truncate="0.jpg,1.jpg,8.jpg",
        remove="2.jpg,11.jpg",
    )
    curves = scalars(run.events)
    if batch_size == 1:  # three epochs of the five images that are left; the first that is read may be a bad one, too
        assert len(curves["lr-Muon"]) in (15, 16)
    assert [value for _, value in curves["train/missing_images"]][-1] == 3
    assert [value for _, value in curves["val/missing_images"]][-1] == 1
    assert [value for _, value in curves["test/missing_images"]] == [1.0]
    assert "test: 1 of 2 images could not be read and are missing from its figures: 11.jpg" in caplog.text
    assert "train: 3 images were left out (0.jpg, 1.jpg, 2.jpg); see" in caplog.text
    named = json.loads((run.folder / "missing_images.json").read_text())
    assert named == {"train": ["0.jpg", "1.jpg", "2.jpg"], "val": ["8.jpg"], "test": ["11.jpg"]}
    assert "missing_images" in capsys.readouterr().out  # in the table of figures


@pytest.mark.filterwarnings("ignore:train_dataloader yielded None")
def test_a_run_that_goes_on_knows_which_images_were_missing(tmp_path: Path) -> None:
    """All images can be read again when it goes on; those that its first epoch was without are counted on."""
    settings = ["data.on_bad_data=skip", "data.batch_size=1", "test=false", "model/scheduler=constant"]
    first = _run(tmp_path, *settings, truncate="0.jpg,1.jpg")
    ((_, missing),) = scalars(first.events)["train/missing_images"]
    assert missing >= 1  # the first image that is read may be one of the two
    root = tmp_path / "flickr8k"
    shutil.copytree(TinyFlickr8k(tmp_path / "whole").images, root / "Flicker8k_Dataset", dirs_exist_ok=True)
    goes_on = [f"data.root={root}", f"ckpt_path={first.folder}/checkpoints/last.ckpt", "trainer.max_epochs=2"]
    again = run_tiny(tmp_path / "again", *settings, *goes_on, choices=CHOICES)
    assert [value for _, value in scalars(again.events)["train/missing_images"]] == [missing]
