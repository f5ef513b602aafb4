"""Every format and library through all scripts: trained on, gone on with, evaluated, described and scored."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

import score
import write_shards
from lightning_modules.checkpoints.durable_io import read_intact
from tests.captioning.caption_command import caption_json
from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k
from tests.datamodules.hugging_face.tiny_sets import LAYOUTS, library_cache
from tests.datamodules.images import tiny_images
from tests.datamodules.images.tiny_images import FORMATS, Settings
from tests.launch.test_resuming import _resume
from tests.tiny_evaluation import evaluate_tiny
from tests.tiny_run import ROOT, TinyRun, compose_tiny, hydra_job, run_tiny

CHOICES = ("callbacks=common", "logger=none", "metrics=rouge", "model/image_decoder=none")
OF_TRAINING = ("monitor=val/loss", "monitor_mode=min", "test=false", "callbacks.resume_checkpoints.every_n_steps=1")
LEFT_OUT = tuple(f"{part}.num_images=0" for part in ("trade_off", "exploration", "interpretability"))
OF_EVALUATION = ("num_captions=2", "meteor=no", "calibration.num_bins=0", *LEFT_OUT)

Names = list[str] | list[int]


def _numbered(*numbers: int) -> Names:
    return [tiny_images.FIRST_ID + n for n in numbers]


NUMBERS = _numbered(10, 11)
FILES = ["10.jpg", "11.jpg"]


class Source(NamedTuple):
    """A data set of twelve images, of which image `n` is uniformly of grey level `20 n`.

    Attributes:
        option: Of `data`.
        write: Writes it into a folder, and returns its settings.
        names: What outputs call its test images.
        references: What `score.py` reads of it; empty for what `evaluate.py` has written of them.
        numbers: Those of the test images.
    """

    option: str
    write: Callable[[Path], list[str]]
    names: Names
    references: Sequence[str] = ()
    numbers: tuple[int, ...] = (10, 11)


def _images(write: Callable[[Path], Settings]) -> Callable[[Path], list[str]]:
    return lambda folder: [*_overrides(write(folder)), f"data.root={folder}"]


def _overrides(settings: Mapping[str, Any]) -> list[str]:
    return [f"data.{key}={_written(value)}" for key, value in settings.items()]


def _written(value: Any) -> str:
    """Return a value in Hydra's grammar."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}: {_written(one)}" for key, one in value.items()) + "}"
    return "[" + ",".join(map(_written, value)) + "]" if isinstance(value, list) else str(value)


def _flickr8k(folder: Path) -> list[str]:
    return [f"data.root={TinyFlickr8k(folder).root}"]


def _textcaps(folder: Path) -> list[str]:
    """Half of the validation images are the test split, whatever other files there are."""
    tiny_images.textcaps(folder)
    return [f"data.root={folder}"]


def _nocaps(folder: Path) -> list[str]:
    """Files to train on, beside the one of the data set."""
    tiny_images.nocaps(folder)
    return [f"data.root={folder}", "data.annotations.train=train.json", "data.annotations.val=val.json"]


def _vizwiz(folder: Path) -> list[str]:
    """Seven training images: batches of three make two steps of them."""
    return [*_images(tiny_images.vizwiz)(folder), "data.batch_size=3"]


def _hugging_face(layout: str) -> Callable[[Path], list[str]]:
    write, settings = LAYOUTS[layout]
    return lambda folder: [f"data.path={write(folder)}", *_overrides(settings)]


def _shards(folder: Path) -> list[str]:
    tiny_images.tsv(folder)
    own = [f"out={folder}/shards", "images_per_shard=5", f"data.root={folder}"]
    with hydra_job(compose_tiny(folder.parent / "hydra", *own, choices=["data=images"], name="write_shards")) as config:
        write_shards.main(config)
    return [f"data.root={folder}/shards", "data.shuffle_buffer=6"]


OF_JSON_LINES = ["metadata.jsonl", "--image-column=picture", "--caption-column=sentences", "--split-column=part"]
OF_FORMATS: Mapping[str, tuple[Names, Sequence[str]]] = {
    "COCO, a file a split": (NUMBERS, ["annotations/captions_test2017.json"]),
    "COCO and lists": (NUMBERS, ["captions.json"]),
    "Karpathy": (NUMBERS, ["dataset_coco.json"]),
    "token file": (FILES, ["results_20130124.token"]),
    "CSV of Kaggle": (FILES, ["captions.txt"]),
    "bars of Flickr30k": (FILES, ["results.csv"]),
    "JSON Lines": (["data/test/10.jpg", "data/test/11.jpg"], OF_JSON_LINES),
    "TSV": (FILES, ["all.tsv"]),
    "list in a cell": (FILES, ["annotations.csv", "--image-column=filename", "--caption-column=raw"]),
    "Parquet": (FILES, ["all.parquet"]),
    "by image": (FILES, ["test.json"]),
    "TextCaps": ([10, 11], ["TextCaps_0.1_test.json"]),
    "captions beside each image": (["test/dogs/10.jpg", "test/dogs/11.jpg"], ["."]),
}
OPTIONS = {
    "Karpathy": "karpathy",
    "token file": "flickr30k",
    "bars of Flickr30k": "flickr30k",
    "CSV of Kaggle": "flickr8k",
}
"""Of `data`, of formats that have one of their own."""

OF_COCO = ["annotations/captions_val2017.json"]
SOURCES = {
    **{name: Source(OPTIONS.get(name, "images"), _images(FORMATS[name]), *OF_FORMATS[name]) for name in FORMATS},
    "COCO as published": Source("coco", _images(tiny_images.coco_2017), _numbered(11, 8), OF_COCO, (11, 8)),
    "Flickr8k": Source("flickr8k", _flickr8k, FILES, ["Flickr8k.token.txt"]),
    "nocaps": Source("nocaps", _nocaps, NUMBERS, ["nocaps_val_4500_captions.json"]),
    "TextCaps as published": Source("textcaps", _textcaps, [8], ["TextCaps_0.1_val.json"], (8,)),
    "VizWiz": Source("vizwiz", _vizwiz, _numbered(9, 10), ["annotations/val.json"], (9, 10)),
    "datasets, Parquet": Source("hf", _hugging_face("parquet"), ["dog 10", "dog 11"]),
    "datasets, Arrow": Source("hf", _hugging_face("save_to_disk"), [0, 3]),
    "datasets, files": Source("hf", _hugging_face("imagefolder"), ["test/dog 10.png", "test/dog 11.png"]),
    "datasets, a stream": Source("hf_streaming", _hugging_face("parquet"), ["dog 10", "dog 11"]),
    "webdataset": Source("webdataset", _shards, FILES),
}


@pytest.fixture(autouse=True)
def _library_cache(tmp_path: Path) -> Iterator[None]:
    with library_cache(tmp_path / "library"):
        yield


@pytest.mark.parametrize("name", SOURCES)
def test_the_whole_path(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = SOURCES[name]
    settings, option = source.write(tmp_path / "data"), f"data={source.option}"
    run = run_tiny(tmp_path / "run", *OF_TRAINING, *settings, choices=[*CHOICES, option])
    _check_that_it_goes_on(run)

    index, choices = tmp_path / "index.npz", (option, "ranking=consensus")
    own = [*OF_EVALUATION, *settings, f"ranking.index={index}"]
    scores = evaluate_tiny(tmp_path / "report", run.best, *own, choices=choices)
    rows = json.loads((tmp_path / "report/captions.json").read_text("utf-8"))
    assert [row["image_id"] for row in rows] == [name for name in source.names for _ in range(2)]

    tiny_images.add_images(tmp_path / "photos")
    photos = [tmp_path / f"photos/{n}.jpg" for n in source.numbers]
    arguments = ["--strategy", "sample", "--num", 2, "--seed", 42, "--rank", "consensus", "--index", index]
    described = caption_json(capsys, run.best, *photos, *arguments)
    assert [caption for image in described for caption in image["captions"]] == [row["caption"] for row in rows]

    file, *columns = source.references or ["../report/references.json"]
    again = _score(tmp_path / "report/captions.json", tmp_path / "data" / file, *columns)
    shared = {key for key in again.keys() & scores.keys() if isinstance(again[key], float)}
    assert {"coco/BLEU-4", "coco/CIDEr-D", "A/oracle-CIDEr-D"} <= shared
    assert {key: scores[key] for key in shared} == pytest.approx({key: again[key] for key in shared})


def _check_that_it_goes_on(run: TinyRun) -> None:
    """Check that a run which ended within its epoch comes to the same weights."""
    checkpoints = run.folder / "checkpoints"
    whole = read_intact(checkpoints / "last.ckpt")
    (checkpoints / "last.ckpt").unlink()
    assert (read_intact(checkpoints / "previous.ckpt")["global_step"], whole["global_step"]) == (1, 2)
    assert _resume(run.folder) == run.metric
    weights = read_intact(checkpoints / "last.ckpt")["state_dict"]
    assert weights.keys() == whole["state_dict"].keys()
    assert all(torch.equal(weights[name], whole["state_dict"][name]) for name in weights)


def _score(results: Path, references: Path, *options: str) -> dict[str, Any]:
    out = results.parent / "again.json"
    arguments = [results, references, *options, "--subset", "--meteor", "no", "--out", out]
    score.run(score.parse_arguments([*map(str, arguments)]))
    scores: dict[str, Any] = json.loads(out.read_text())
    return scores


def test_all_options_of_captioned_photographs_are_there() -> None:
    drawn, variants = {"shapes", "shapes_large"}, {"flickr8k_small", "flickr8k_views"}
    options = {path.stem for path in (ROOT / "conf/data").glob("*.yaml")} - drawn - variants
    assert {source.option for source in SOURCES.values()} == options
