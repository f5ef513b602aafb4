"""The whole path with a data set of the library `datasets`: train, go on, evaluate, describe, score."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import score
import train
from lightning_modules.checkpoints.durable_io import read_intact
from tests.captioning.caption_command import caption_json
from tests.datamodules.hugging_face.tiny_sets import CAPTIONS_PER_IMAGE, LAYOUTS, captions, library_cache, png
from tests.tiny_evaluation import evaluate_tiny
from tests.tiny_run import WITHOUT_PICTURES, TinyRun, compose_train, hydra_job, run_tiny
from utils.shell import override

LAYOUT = "parquet"  # that is trained on; a model may be evaluated on the same images in any other


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data set in all layouts."""
    folder = tmp_path_factory.mktemp("hugging face")
    for name, (write, _) in LAYOUTS.items():
        write(folder / name)
    with library_cache(folder / "library"):
        yield folder


def _settings(folder: Path, layout: str) -> list[str]:
    path = override("data.path", str(folder / layout))
    return [path, *(f"data.{key}={value}".replace("'", "") for key, value in LAYOUTS[layout][1].items())]


@pytest.fixture(scope="module")
def run(folder: Path) -> TinyRun:
    own = ["trainer.max_epochs=2", "callbacks.resume_checkpoints.every_n_steps=1", "test=false", *WITHOUT_PICTURES]
    return run_tiny(folder / "run", *own, choices=["data=hf", *_settings(folder, LAYOUT)])


def test_a_resumed_run_ends_with_the_same_weights(run: TinyRun, folder: Path) -> None:
    checkpoints = run.folder / "checkpoints"
    saved = shutil.copytree(checkpoints, folder / "saved")
    assert read_intact(checkpoints / "previous.ckpt")["global_step"] == 3  # in the middle of the second epoch
    (checkpoints / "last.ckpt").unlink()
    own = [override("hydra.runtime.output_dir", str(folder / "hydra")), "hydra.mode=RUN"]
    with hydra_job(compose_train([override("resume", str(run.folder)), *own], with_hydra=True)) as config:
        train.main(config)
    again, before = (read_intact(path / "last.ckpt")["state_dict"] for path in (checkpoints, saved))
    assert again.keys() == before.keys()
    assert all(torch.equal(again[name], before[name]) for name in before)


@pytest.fixture(scope="module", params=LAYOUTS)
def evaluated(run: TinyRun, folder: Path, request: pytest.FixtureRequest) -> tuple[str, Path, dict[str, Any]]:
    """Each layout with the evaluation of the model on it."""
    report = folder / "reports" / request.param
    own = ["num_images=2", "meteor=no", "trade_off.num_images=0"]
    choices = ("data=hf", "generation=greedy", *_settings(folder, request.param))
    scores = evaluate_tiny(report, run.best, *own, choices=choices)
    return request.param, report, scores


def test_evaluates_under_the_names_of_the_data_set(evaluated: tuple[str, Path, dict[str, Any]]) -> None:
    layout, report, _ = evaluated
    names = [row["image_id"] for row in json.loads((report / "captions.json").read_text())]
    expected = {
        "parquet": ["dog 10", "dog 11"],
        "save_to_disk": [0, CAPTIONS_PER_IMAGE],
        "imagefolder": ["test/dog 10.png", "test/dog 11.png"],
    }
    assert [*dict.fromkeys(names)] == expected[layout]


def test_describes_and_scores_the_images(
    evaluated: tuple[str, Path, dict[str, Any]], run: TinyRun, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout, report, scores = evaluated
    rows = json.loads((report / "captions.json").read_text())
    generated = [row["caption"] for row in rows]
    names = [*dict.fromkeys(row["image_id"] for row in rows)]

    pictures = [folder / f"{n}.png" for n in (10, 11)]
    for n, picture in zip((10, 11), pictures, strict=True):
        picture.write_bytes(png(n))
    described = caption_json(capsys, run.best, *pictures, "--strategy", "greedy", "--num", 1, "--set", "max_length=8")
    assert [caption for image in described for caption in image["captions"]] == generated

    references = folder / f"{layout}.json"
    references.write_text(json.dumps({str(name): captions(n) for name, n in zip(names, (10, 11), strict=True)}))
    out = folder / f"{layout}_scores.json"
    arguments = [report / "captions.json", references, "--out", out, "--meteor", "no"]
    score.run(score.parse_arguments([*map(str, arguments)]))
    again = json.loads(out.read_text())
    shared = {name for name in again.keys() & scores.keys() if isinstance(again[name], float)}
    assert {"coco/BLEU-4", "coco/CIDEr-D", "coco/ROUGE-L"} <= shared
    assert {name: scores[name] for name in shared} == pytest.approx({name: again[name] for name in shared})


def test_training_images_are_known_in_every_layout(
    run: TinyRun, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [*_settings(folder, "save_to_disk"), "data.split_names.test=train", "num_images=2", "meteor=no"]
    with pytest.raises(SystemExit, match="1"):
        evaluate_tiny(tmp_path / "refused", run.best, *settings, choices=("data=hf",))
    assert "2 of the 2 test images are training images of the checkpoint (0, 3)" in capsys.readouterr().err
