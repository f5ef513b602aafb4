"""How fast images are loaded from shards, against the library's own pipeline; memory and start-up with many captions.

    python benchmarks/shards.py SHARDS [--image-size 224] [--workers 0 2] [--images 2000] [--rounds 3]
    python benchmarks/shards.py FOLDER --captions 200000

The first form reads `train-*.tar` of a folder that `write_shards.py` has written, both ways in turn, and prints the
ratio of their rates; both decode, resize to the centre square and make batches. The second one writes shards of so many
tiny images, each with five captions, unless they are there, and prints the peak memory and the time of a start, first
without and then with what is kept in the cache.
"""

# ruff: noqa: E402 # the imports are timed

import argparse
import io
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader

BEGIN = time.perf_counter()
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.made_up_data import MadeUpSplit
from benchmarks.measuring import peak_bytes
from datamodules.image_files.reading import centre_square, decode_image
from datamodules.lazy_sequences import CaptionTable
from datamodules.shards import WebDatasetDataModule
from datamodules.shards.urls import library
from datamodules.shards.writing import write_shards
from datamodules.tokenizers import fit_word

BATCH_SIZE = 64
WORDS = [f"{first}{last}" for first in ("ba", "do", "ka", "li", "mu") for last in ("ra", "se", "ti", "no")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--image-size", type=int, default=224, help="pixels (224)")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2], help="loading processes (0 and 2)")
    parser.add_argument("--images", type=int, default=2000, help="images of a round (2000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each (3)")
    parser.add_argument("--captions", type=int, metavar="IMAGES", help="measure memory and start-up")
    parser.add_argument("--start", action="store_true", help=argparse.SUPPRESS)  # the process that is measured
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.start:
        print(json.dumps(_start(options.folder)))
    elif options.captions:
        _many_captions(options.folder, options.captions)
    else:
        for workers in options.workers:
            _compare(options, workers)


def _compare(options: argparse.Namespace, workers: int) -> None:
    ways: dict[str, Callable[[], Iterator[int]]] = {
        "webdataset, decoded by PIL": lambda: _bare(options, workers, _by_pil(options.image_size)),
        "webdataset, our decoder": lambda: _bare(options, workers, partial(_by_us, image_size=options.image_size)),
        "data=webdataset": lambda: _ours(options, workers),
    }
    clocks = {"images/s": time.perf_counter}
    if workers == 0:  # all work is that of one process, whose own time leaves out that of others on its core
        clocks["images per second of the CPU"] = time.process_time
    rates: dict[str, list[list[float]]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, way in ways.items():  # in turn: the machine may have other work
            rates[name].append(_rates(way(), options.images, [*clocks.values()]))
    middles = {name: [statistics.median(of) for of in zip(*rounds, strict=True)] for name, rounds in rates.items()}
    for name, values in middles.items():
        for unit, value, ours in zip(clocks, values, middles["data=webdataset"], strict=True):
            print(f"{workers} workers, {name}: {value:,.0f} {unit}, data=webdataset has {ours / value:.2f} of it")


def _rates(sizes: Iterator[int], images: int, clocks: list[Callable[[], float]]) -> list[float]:
    """Return images a second by several clocks, the first batch left out."""
    next(sizes)
    starts, done = [clock() for clock in clocks], 0
    for size in sizes:
        done += size
        if done >= images:
            break
    return [done / (clock() - start) for clock, start in zip(clocks, starts, strict=True)]


def _by_pil(image_size: int) -> Callable[[bytes], Tensor]:
    def decode(content: bytes) -> Tensor:
        with Image.open(io.BytesIO(content)) as image:
            pixels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)
        return centre_square(pixels, image_size)

    return decode


def _by_us(content: bytes, *, image_size: int) -> Tensor:
    return decode_image(content, image_size, name="an image")


def _bare(options: argparse.Namespace, workers: int, decode: Callable[[bytes], Tensor]) -> Iterator[int]:
    urls = sorted(map(str, options.folder.glob("train-*.tar")))
    samples = library().WebDataset(urls, shardshuffle=len(urls), seed=0, empty_check=False).shuffle(1000)
    pipeline = samples.to_tuple("jpg;png;webp", "json").map_tuple(decode, json.loads).batched(BATCH_SIZE)
    loader = DataLoader(pipeline, batch_size=None, num_workers=workers)
    for images, _ in loader:
        yield len(images)


def _ours(options: argparse.Namespace, workers: int) -> Iterator[int]:
    datamodule = _datamodule(options.folder, options.image_size, num_workers=workers, shuffle_buffer=1000)
    for batch in datamodule.train_dataloader():
        yield len(batch.images_BCHW)


def _datamodule(folder: Path, image_size: int, **settings: Any) -> WebDatasetDataModule:
    datamodule = WebDatasetDataModule(
        root=str(folder),
        tokenizer=partial(fit_word, min_count=1),
        image_size=image_size,
        batch_size=BATCH_SIZE,
        cache_dir=folder / "cache",
        **settings,
    )
    datamodule.prepare_data()
    datamodule.setup()
    return datamodule


def _split(first: int, num: int) -> MadeUpSplit:
    ids = range(first, first + num)
    return MadeUpSplit(ids, [_caption_group(number) for number in ids], image_size=8)


def _caption_group(number: int) -> list[str]:
    draw = random.Random(number)
    return [" ".join(draw.choices(WORDS, k=10)) for _ in range(5)]


def _many_captions(folder: Path, num_images: int) -> None:
    splits: Any = {"train": _split(1000, num_images), "val": _split(0, 500), "test": _split(500, 500)}
    start = time.perf_counter()
    write_shards(splits, folder, images_per_shard=10_000)
    print(f"writing {num_images:,} images: {time.perf_counter() - start:.0f} s")
    for state in ("without a cache", "from a warm cache"):
        command = [sys.executable, __file__, str(folder), "--start"]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(
            f"start {state}: {found['seconds']:.1f} s ({found['cpu']:.1f} s of the CPU) after "
            f"{found['imports']:.1f} s of imports, peak "
            f"{found['peak'] / 2**20:,.0f} MiB (after imports {found['before'] / 2**20:,.0f}); {found['captions']:,} "
            f"captions, {found['vocabulary']} tokens"
        )


def _start(folder: Path) -> dict[str, float]:
    """Set the data up, load twenty batches, and return times in seconds and memory in bytes."""
    before, begin, cpu = peak_bytes(), time.perf_counter(), time.process_time()
    datamodule = _datamodule(folder, 8, num_workers=0)
    batches = iter(datamodule.train_dataloader())
    next(batches)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    for _, _ in zip(range(20), batches, strict=False):
        pass
    datamodule.fingerprint()
    captions = datamodule.splits["train"].captions
    assert isinstance(captions, CaptionTable)
    return {
        "seconds": seconds,
        "cpu": cpu,
        "imports": begin - BEGIN,
        "before": before,
        "peak": peak_bytes(),
        "captions": len(captions.texts),
        "vocabulary": datamodule.tokenizer.vocabulary.size,
    }


if __name__ == "__main__":
    main()
