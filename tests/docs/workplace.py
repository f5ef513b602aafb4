"""A folder in which the commands and snippets of the pages run: a tiny model, and the files that the pages name."""

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PIL import Image

import average
import evaluate
import score
import write_shards
from captioning.arguments import parse_arguments
from captioning.run import run as run_caption
from demonstration.arguments import parse_arguments as parse_demo
from drawing.arguments import parse_arguments as parse_draw
from drawing.run import run as run_draw
from exporting.arguments import parse_arguments as parse_export
from exporting.run import run as run_export
from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k
from tests.datamodules.images import tiny_images
from tests.tiny_run import ROOT, compose_tiny, hydra_job, run_tiny

PACKAGES = (ROOT / "tests/extensions/packages/my_lab", ROOT / "tests/docs/packages/my_data")
CHECKPOINTS = Path("outputs/…/checkpoints")
OF_TRAINING = ("data.batch_size=4", "test=false", "trainer.limit_train_batches=2", "~callbacks.reconstruction_metrics")
OF_EVALUATION = (
    "trainer.accelerator=cpu",
    "meteor=no",
    "num_images=2",
    "gallery.num_images=1",
    "trade_off.num_images=0",
    "exploration.num_images=1",
    "self_retrieval.num_images=0",  # a family of one's own need not know log P(caption | image)
)
NUM_PHOTOS = 20


def fill(folder: Path) -> None:
    """Put everything into a folder that the pages' commands read."""
    run = run_tiny(folder / "outputs/…", "data.num_train=40", "test=false")
    for name in ("best", "first", "second"):
        shutil.copy(run.best, folder / f"{name}.ckpt")
    coder = run_tiny(folder / "outputs/coder", "data.num_train=40", "test=false", choices=["model=discrete_vae"])
    shutil.copy(coder.best, folder / "discrete_vae.ckpt")
    choices = ["model=dalle", f"model.vae.checkpoint={coder.best}"]
    dalle = run_tiny(folder / "outputs/dalle", "data.num_train=40", "test=false", choices=choices)
    shutil.copy(dalle.best, folder / "dalle.ckpt")
    for epoch in range(2):
        shutil.copy(run.best, folder / CHECKPOINTS / f"epoch_{epoch}.ckpt")
    for name in ("holidays", "photos", "photos/summer"):
        (folder / name).mkdir()
    places = ["photo.jpg", "other.jpg", "holidays/a.jpg", "photos/summer/b.jpg"]
    for number, place in enumerate([*places, *(f"photos/{n}.jpg" for n in range(NUM_PHOTOS))]):
        Image.new("RGB", (40, 36), (9 * number, 120, 200 - 9 * number)).save(folder / place)
    captions = {n: [f"a picture of the colour {n}", f"number {n} of twenty"] for n in range(NUM_PHOTOS)}
    images = [{"id": n, "file_name": f"{n}.jpg"} for n in captions]
    texts = [(n, text) for n, of_image in captions.items() for text in of_image]
    annotations = [{"id": i, "image_id": n, "caption": text} for i, (n, text) in enumerate(texts)]
    for name in ("captions.json", "references.json"):
        (folder / name).write_text(json.dumps({"images": images, "annotations": annotations}))
    results = [{"image_id": n, "caption": f"a picture {i}"} for n in captions for i in range(2)]
    (folder / "results.json").write_text(json.dumps(results))
    root = TinyFlickr8k(folder / "path/to/flickr8k").root
    for name in ("Flickr8k.token.txt", "Flickr_8k.trainImages.txt"):
        shutil.copy(root / name, folder)
    (folder / "train.token.txt").write_text("another.jpg#0\ta picture of something else\n")
    tiny_images.tsv(folder / "my_photos")
    for package in PACKAGES:
        shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))


def run_command(words: Sequence[str], variables: dict[str, str]) -> None:
    """Run a command of the pages in the current folder and in this process, its model and data made small."""
    name, equals, value = words[0].partition("=")
    if equals:
        variables[name] = value
        return
    for variable, value in variables.items():
        words = [word.replace(f"${variable}", value) for word in words]
    if words[0] == "python":
        SCRIPTS[words[1]](words[2:])
    else:
        text, arrow, target = " ".join(words).partition(" > ")
        printed = subprocess.run(text.split(), check=True, capture_output=True, text=True).stdout
        assert printed
        assert arrow
        Path(target).write_text(printed)


def _train(overrides: Sequence[str]) -> None:
    run_tiny(_new_folder(overrides, "outputs/run"), *OF_TRAINING, choices=overrides)


def _evaluate(overrides: Sequence[str]) -> None:
    folder = _new_folder(overrides, "report")
    with hydra_job(compose_tiny(folder, *OF_EVALUATION, choices=overrides, name="evaluate")) as config:
        evaluate.main(config)
    assert (folder / "report.html").is_file()


def _write_shards(overrides: Sequence[str]) -> None:
    with hydra_job(compose_tiny(Path("hydra").absolute(), choices=overrides, name="write_shards")) as config:
        write_shards.main(config)


def _new_folder(overrides: Sequence[str], default: str) -> Path:
    """Return the folder of a run, without what another command has left there."""
    given = [word.partition("=")[2] for word in overrides if word.startswith("hydra.run.dir=")]
    folder = Path(given[0] if given else default).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _average(arguments: Sequence[str]) -> None:
    average.run(
        average.parse_arguments([path for word in arguments for path in ([*map(str, Path().glob(word))] or [word])])
    )


SCRIPTS: Mapping[str, Callable[[Sequence[str]], None]] = {
    "train.py": _train,
    "evaluate.py": _evaluate,
    "caption.py": lambda arguments: run_caption(parse_arguments(arguments)),
    "draw.py": lambda arguments: run_draw(parse_draw(arguments)),
    "score.py": lambda arguments: score.run(score.parse_arguments([*arguments, "--meteor", "no"])),
    "average.py": _average,
    "write_shards.py": _write_shards,
    "demo.py": parse_demo,  # alone, for it would serve until Ctrl+C
    "export.py": lambda arguments: run_export(parse_export(arguments)),
}
