"""What an exported model costs and loses beside PyTorch: equal captions, CIDEr-D, log-probabilities, time, size.

    python benchmarks/export.py best.ckpt ONNX_FOLDER [INT8_FOLDER …] [--images 500] [--batch-size 16] [--out FILE.json]

The images are those of the test split of `data=shapes`, so the checkpoint should be of that data. All runs on one
thread, and time is that of the processor, which other programs on the machine do not change much; quote the ratios.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import print_table, write_figures
from datamodules.shapes.shapes_datamodule import ShapesDataModule
from exporting.comparison import equal_captions
from exporting.runner.model import Captions, Model
from lightning_modules import CaptioningModule, load_captioner
from lightning_modules.generation import Beam, Greedy, Strategy
from metrics import PairedCaptions, cider_d, ptb_tokenize

SEED = 42  # of the world that the built-in data are drawn from (conf/data/shapes.yaml)
BEAM_SIZE = 5


class Captioned(NamedTuple):
    """What one way made of all images: captions by strategy, and seconds of the processor by what they went to."""

    batches: dict[str, list[Any]]
    texts: dict[str, list[str]]
    seconds: dict[str, float]


def timed(seconds: dict[str, float], name: str, call: Callable[[], Any]) -> Any:
    """Call, and add the seconds of the processor that it took."""
    start = time.process_time()
    result = call()
    seconds[name] = seconds.get(name, 0.0) + time.process_time() - start
    return result


def by_pytorch(captioner: CaptioningModule, parts: Sequence[Tensor]) -> Captioned:
    """Caption all images with PyTorch."""
    longest = captioner.tokenizer.max_length
    strategies: dict[str, Strategy] = {
        "greedy": Greedy(max_length=longest),
        "beam": Beam(beam_size=BEAM_SIZE, max_length=longest),
    }
    found = Captioned({name: [] for name in strategies}, {name: [] for name in strategies}, {})
    for images_BCHW in tqdm(parts, desc="PyTorch"):
        features_BPD = timed(found.seconds, "encoder", lambda images=images_BCHW: captioner.encode(images))
        for name, strategy in strategies.items():
            generated = timed(found.seconds, name, lambda f=features_BPD, s=strategy: captioner.generate(f, s))
            found.batches[name].append(generated)
            found.texts[name] += [caption for (caption,) in generated.captions]
    return found


def by_runner(model: Model, parts: Sequence[Tensor]) -> Captioned:
    """Caption all images with the runner."""
    ways: dict[str, Callable[[Any], Captions]] = {
        "greedy": model.greedy,
        "beam": lambda features_BPD: model.beam(features_BPD, beam_size=BEAM_SIZE),
    }
    found = Captioned({name: [] for name in ways}, {name: [] for name in ways}, {})
    for images_BCHW in tqdm(parts, desc=str(model.folder)):
        features_BPD = timed(found.seconds, "encoder", lambda images=images_BCHW: model.encode(images.numpy()))
        for name, way in ways.items():
            captions = timed(found.seconds, name, lambda f=features_BPD, w=way: w(f))
            found.batches[name].append(captions)
            found.texts[name] += [text for (text,) in model.texts(captions, len(images_BCHW))]
    return found


def figures_of(found: Captioned, references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Return CIDEr-D and seconds of one way."""
    rows = {f"CIDEr-D, {name}": scored(texts, references) for name, texts in found.texts.items()}
    return rows | {f"seconds, {name}": seconds for name, seconds in found.seconds.items()}


def scored(texts: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return the mean CIDEr-D of one caption of each image."""
    pairs = PairedCaptions([*map(ptb_tokenize, texts)], [[*map(ptb_tokenize, of_image)] for of_image in references])
    return float(np.mean(cider_d(pairs)))


def compared(ours: Captioned, theirs: Captioned, pad_id: int) -> dict[str, float]:
    """Return how many captions are equal, and how far their log-probabilities are apart at most."""
    rows: dict[str, float] = {}
    for name, batches in ours.batches.items():
        pairs = zip(batches, theirs.batches[name], strict=True)
        apart = [nats for one, other in pairs for nats in equal_captions(one, other, pad_id)]
        rows |= {f"equal, {name}": len(apart), f"nats apart, {name}": max(apart, default=0.0)}
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare exported models with PyTorch.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    captioner = load_captioner(options.checkpoint)
    data = ShapesDataModule(
        tokenizer=None, seed=SEED, num_train=1, num_val=1, num_test=options.images, image_size=captioner.image_size
    )
    data.prepare_data()
    split = data.load_splits()["test"]
    references = split.captions
    images = torch.stack([split.load_image(number) for number in range(options.images)])
    parts = images.split(options.batch_size)
    ours = by_pytorch(captioner, parts)
    columns = {"PyTorch": figures_of(ours, references)}
    for folder in options.folders:
        model = Model(folder, threads=1)
        model.greedy(model.encode(parts[0].numpy()))  # reads the files
        theirs = by_runner(model, parts)
        columns[folder.name] = {
            "MB": sum(file.stat().st_size for file in folder.glob("*.onnx")) / 1e6,
            **compared(ours, theirs, model.pad_id),
            **figures_of(theirs, references),
            **{f"times as fast, {name}": ours.seconds[name] / value for name, value in theirs.seconds.items()},
        }
    show(columns)
    if options.out is not None:
        write_figures(options.out, columns)


def show(columns: dict[str, dict[str, float]]) -> None:
    """Print a table, a column for each way."""
    names = dict.fromkeys(name for figures in columns.values() for name in figures)
    rows = [(n, *(f"{figures[n]:.6g}" if n in figures else "-" for figures in columns.values())) for n in names]
    print_table(("", *columns), rows)


if __name__ == "__main__":
    main()
