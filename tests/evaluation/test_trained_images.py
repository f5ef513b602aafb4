"""Figures of images that a checkpoint was trained on are refused, or marked everywhere."""

import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from PIL import Image

import evaluate
from datamodules.image_files.image_file_split import ImageFileSplit
from evaluation.setup import Evaluated, prepare
from lightning_modules import load_captioner
from lightning_modules.checkpoints.loading import read_record
from lightning_modules.checkpoints.trained_images import marks_of_start
from tests.datamodules.flickr8k.tiny_flickr8k import SPLITS, TinyFlickr8k
from tests.tiny_run import TinyRun, compose_tiny, hydra_job, run_tiny

DRAWN = "data.split=[0.6,0.2,0.2]"
PHOTOS = ("data=flickr8k",)
QUICK = ("gallery.num_images=0", "trade_off.num_images=0", "exploration.num_images=0", "num_captions=2")
ALLOWED = "allow_trained_images=true"
OF_NEW_IMAGES = "so that their figures would say nothing of new images"


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> TinyFlickr8k:
    return TinyFlickr8k(tmp_path_factory.mktemp("photographs") / "flickr8k")


@pytest.fixture(scope="module")
def run(photographs: TinyFlickr8k) -> TinyRun:
    """A run on seven of twelve photographs, drawn at random."""
    folder = photographs.root.parent / "run"
    return run_tiny(folder, f"data.root={photographs.root}", DRAWN, "test=false", choices=PHOTOS)


def _prepared(
    folder: Path, checkpoint: Path, *settings: str, choices: Sequence[str] = (), evaluating: bool = False
) -> Evaluated | None:
    own = [f"checkpoint={checkpoint}", "trainer.accelerator=cpu", "num_images=null", *QUICK]
    config = compose_tiny(folder / "report", *own, *settings, choices=tuple(choices), name="evaluate")
    with hydra_job(config) as job:
        return evaluate.main(job) if evaluating else prepare(job)


def _trained(run: TinyRun, photographs: TinyFlickr8k) -> set[str]:
    record = read_record(run.best)
    split = photographs.datamodule(split=[1.0, 0.0, 0.0]).load_splits()["train"]
    return {str(name) for name, known in zip(split.image_names, record.knows(split.image_keys), strict=True) if known}


def test_the_seed_of_what_is_drawn_leaves_the_images_as_they_are(
    run: TinyRun, photographs: TinyFlickr8k, tmp_path: Path
) -> None:
    names = []
    for seed in (42, 1, 7):
        prepared = _prepared(tmp_path, run.best, f"data.root={photographs.root}", DRAWN, f"seed={seed}", choices=PHOTOS)
        assert prepared is not None
        assert prepared.training.mark is None
        assert prepared.training.notes == []
        names.append([*prepared.split.image_names])
    assert names[0] == names[1] == names[2]
    assert not {*names[0]} & _trained(run, photographs)


def _copy(photographs: TinyFlickr8k, root: Path, kind: str) -> Path:
    """Copy the photographs under other names, in another format, or in another size; other lists of the splits."""
    copy = TinyFlickr8k(root)
    text = photographs.token_file.read_text()
    for n in range(12):
        with Image.open(photographs.image(n)) as image:
            if kind == "size":
                image.resize((20, 15)).save(copy.image(n))
            elif kind == "format":
                image.save(copy.image(n), format="PNG")
            else:
                shutil.copy(photographs.image(n), copy.images / f"photo-{n}.jpg")
                copy.image(n).unlink()
    if kind != "size":
        text = text.replace("A dog", "Another dog")
    if kind == "names":
        text = "".join(f"photo-{line}\n" for line in text.splitlines())
        for name, numbers in SPLITS.items():
            copy.split_file(name).write_text("".join(f"photo-{n}.jpg\n" for n in numbers))
    copy.token_file.write_text(text)
    return root


@pytest.mark.parametrize("kind", ["names", "format", "size"])
def test_another_copy_of_the_photographs_is_known_again(
    run: TinyRun, photographs: TinyFlickr8k, tmp_path: Path, kind: str
) -> None:
    root = _copy(photographs, tmp_path / "copy", kind)
    known = {int(name.removesuffix(".jpg")) for name in _trained(run, photographs)} & {*SPLITS["test"], *SPLITS["dev"]}
    assert known
    for name, numbers in (("test", SPLITS["test"]), ("val", SPLITS["dev"])):
        leaked = len(known & {*numbers})
        if leaked:
            with pytest.raises(ValueError, match=rf"{leaked} of the 2 {name} images .*{OF_NEW_IMAGES}"):
                _prepared(tmp_path, run.best, f"data.root={root}", f"split={name}", choices=PHOTOS)


def test_other_photographs_under_the_same_names_are_evaluated(run: TinyRun, tmp_path: Path) -> None:
    other = TinyFlickr8k(tmp_path / "other")
    for n in range(12):
        Image.new("RGB", (40, 30), (10, 20 * n, 200)).save(other.image(n))
    other.token_file.write_text(other.token_file.read_text().replace("dog", "cat"))
    prepared = _prepared(tmp_path, run.best, f"data.root={other.root}", choices=PHOTOS)
    assert prepared is not None
    assert prepared.training.captions is None
    assert prepared.training.notes == [
        "Novelty is left out: the checkpoint was trained on none of these data's images."
    ]


def test_another_split_is_refused_but_for_images_that_are_not_scored(
    run: TinyRun, photographs: TinyFlickr8k, tmp_path: Path
) -> None:
    trained = _trained(run, photographs)
    root = f"data.root={photographs.root}"
    for seed in range(1, 20):
        split = photographs.datamodule(split=[0.6, 0.2, 0.2], split_seed=seed).load_splits()["test"]
        assert isinstance(split, ImageFileSplit)
        known = [name in trained for name in split.image_names]
        if known[:2] == [False, True]:
            break
    other = [root, DRAWN, f"data.split_seed={seed}"]
    with pytest.raises(ValueError, match=rf"{sum(known)} of the {len(known)} test images are training images"):
        _prepared(tmp_path, run.best, *other, choices=PHOTOS)
    prepared = _prepared(tmp_path, run.best, *other, "num_images=1", choices=PHOTOS)
    assert prepared is not None
    assert prepared.training.mark is None
    assert f"of the {7} training images of these data" in " ".join(prepared.training.notes)
    with pytest.raises(ValueError, match="7 of the 7 train images are training images"):
        _prepared(tmp_path, run.best, root, DRAWN, "split=train", choices=PHOTOS)


def test_images_are_scored_and_indexed_as_they_are(run: TinyRun, photographs: TinyFlickr8k, tmp_path: Path) -> None:
    inverting = "data.train_transform={_target_:torchvision.transforms.v2.RandomInvert,p:1.0}"
    settings = [f"data.root={photographs.root}", DRAWN, "split=train", ALLOWED, inverting, "data.cached_views=2"]
    prepared = _prepared(tmp_path, run.best, *settings, "data.cache_features=true", choices=PHOTOS)
    assert prepared is not None
    for number, name in enumerate(prepared.split.image_names):
        grey = 20 * int(str(name).removesuffix(".jpg"))
        assert abs(prepared.split.load_image(number).float().mean() - grey) < 2


def test_scenes_that_moved_to_another_split_are_known(trained: TinyRun, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"2 of the 8 test images are training images of the checkpoint \(6, 7\)"):
        _prepared(tmp_path, trained.best, "data.num_test=8")


def test_what_is_allowed_is_marked_everywhere_and_no_image_is_its_own_neighbour(
    run: TinyRun, photographs: TinyFlickr8k, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [f"data.root={photographs.root}", DRAWN, "split=train", ALLOWED, f"ranking.index={tmp_path}/i.npz"]
    _prepared(tmp_path, run.best, *settings, choices=[*PHOTOS, "ranking=consensus"], evaluating=True)
    mark = "7 of the 7 train images are training images of the checkpoint"
    report = tmp_path / "report"
    scores = json.loads((report / "scores.json").read_text())
    assert scores["settings"]["trained_images"] == mark
    assert not [name for name in scores if "novel" in name]
    title = f"flickr8k, train: sample ({mark})"
    printed = " ".join(capsys.readouterr().out.split())
    assert title in printed
    assert f"note: {mark}: the scores say nothing of new images." in printed
    for file in ("scores.md", "report.html"):
        assert (report / file).read_text().count(mark) >= 2


def test_data_that_nobody_named_are_refused(run: TinyRun, trained: TinyRun, tmp_path: Path) -> None:
    message = "the checkpoint was trained on data=flickr8k, and no data are named, so that it would be .* data=shapes;"
    with pytest.raises(ValueError, match=message):
        _prepared(tmp_path, run.best)
    named = _prepared(tmp_path, run.best, choices=["data=shapes"])
    assert named is not None
    default = _prepared(tmp_path, trained.best)
    assert default is not None
    assert default.training.notes == []


def test_of_an_earlier_version_one_note_says_that_nothing_is_known(trained: TinyRun, tmp_path: Path) -> None:
    checkpoint = torch.load(trained.best, weights_only=True)
    del checkpoint["trained_on"]
    torch.save(checkpoint, tmp_path / "old.ckpt")
    prepared = _prepared(tmp_path, tmp_path / "old.ckpt", "data.num_test=8")
    assert prepared is not None
    (note,) = prepared.training.notes
    assert "an earlier version wrote it" in note
    assert prepared.training.captions
    of_train = _prepared(tmp_path, tmp_path / "old.ckpt", "split=train")
    assert of_train is not None
    assert of_train.training.captions is None


def test_a_run_that_starts_from_a_checkpoint_is_not_scored_on_its_images(
    trained: TinyRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    tokenizer = load_captioner(trained.best).tokenizer
    monkeypatch.setattr(
        "datamodules.caption_datamodule.fit_or_load", lambda *_, **__: tokenizer
    )  # whatever the captions
    start = [f"pretrained_model={trained.best}", "data.num_test=5"]
    with pytest.raises(SystemExit):
        run_tiny(tmp_path / "refused", *start)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert "2 of the 3 val images are training images of the checkpoint (6, 7)" in line
    assert line.endswith("or set allow_trained_images=true, which marks the figures")
    with caplog.at_level(logging.WARNING):
        run_tiny(tmp_path / "allowed", *start, ALLOWED)
    mark = "2 of the 3 val images are training images of the checkpoint"
    assert mark in caplog.messages
    assert mark in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("data_are_known", [False, True])
def test_nor_is_one_that_goes_on_with_other_data(trained: TinyRun, tmp_path: Path, data_are_known: bool) -> None:
    checkpoint = torch.load(trained.folder / "checkpoints" / "last.ckpt", weights_only=True)
    if not data_are_known:
        del checkpoint["callbacks"]["SameData"]
    torch.save(checkpoint, tmp_path / "last.ckpt")
    start = compose_tiny(tmp_path / "run", f"ckpt_path={tmp_path / 'last.ckpt'}", "data.num_val=4")
    datamodule = instantiate(start.data)
    datamodule.prepare_data()
    if data_are_known:  # callbacks.SameData refuses them, in better words
        assert marks_of_start(start, datamodule.load_splits())
    else:
        with pytest.raises(ValueError, match="ckpt_path: keep the split that the checkpoint was trained with"):
            marks_of_start(start, datamodule.load_splits())


def test_a_test_split_that_is_not_scored_may_hold_anything(trained: TinyRun, tmp_path: Path) -> None:
    start = compose_tiny(tmp_path / "run", f"pretrained_model={trained.best}", "data.num_val=1", "data.num_test=9")
    datamodule = instantiate(start.data)
    datamodule.prepare_data()
    splits = datamodule.load_splits()
    splits["val"] = splits["train"]  # the run's own images are another matter
    with pytest.raises(ValueError, match="3 of the 9 test images are training images"):
        marks_of_start(start, splits)
    start.test = False
    assert marks_of_start(start, splits) == []
