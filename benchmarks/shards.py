"""How fast images are loaded from shards, against the library's own pipeline; memory and start-up with many captions.

    python benchmarks/shards.py SHARDS [--image-size 224] [--workers 0 2] [--images 2000] [--rounds 3]
    python benchmarks/shards.py FOLDER --captions 200000

The first form reads `train-*.tar` of a folder that `write_shards.py` has written, both ways in turn, and prints the
ratio of their rates; both decode, resize to the centre square and make batches. The second one writes shards of so many
tiny images, each with five captions, unless they are there, and prints the peak memory and the time of a start, first
without and then with what is kept in the cache.
"""

import argparse
import io
import json
import random
import resource
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
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from datamodules.image_files.reading import decode_image, eval_transform  # noqa: E402
from datamodules.lazy_sequences import CaptionTable  # noqa: E402
from datamodules.shards import WebDatasetDataModule  # noqa: E402
from datamodules.shards.urls import library  # noqa: E402
from datamodules.shards.writing import write_shards  # noqa: E402
from datamodules.tokenizers import fit_word  # noqa: E402

BATCH_SIZE = 64
WORDS = "a the dog cat bird horse red green small big runs sits near under tree house river with and two".split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--image-size", type=int, default=224, help="pixels (224)")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2], help="loading processes (0 and 2)")
    parser.add_argument("--images", type=int, default=2000, help="images of a round (2000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each (3)")
    parser.add_argument(
        "--captions", type=int, metavar="IMAGES", help="measure memory and start-up with so many images"
    )
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
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, way in ways.items():  # in turn: the machine may have other work
            rates[name].append(_rate(way(), options.images))
    ours = statistics.median(rates["data=webdataset"])
    for name, values in rates.items():
        middle = statistics.median(values)
        print(f"{workers} workers, {name}: {middle:,.0f} images/s, data=webdataset is {ours / middle:.2f} of it")


def _rate(sizes: Iterator[int], images: int) -> float:
    """Return images a second, the first batch left out."""
    next(sizes)
    start, done = time.perf_counter(), 0
    for size in sizes:
        done += size
        if done >= images:
            break
    return done / (time.perf_counter() - start)


def _by_pil(image_size: int) -> Callable[[bytes], Tensor]:
    transform = eval_transform(image_size)

    def decode(content: bytes) -> Tensor:
        with Image.open(io.BytesIO(content)) as image:
            pixels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)
        square: Tensor = transform(pixels)
        return square

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


class _ManyCaptions:
    """Images of 8 pixels and five captions each, made when they are asked for."""

    def __init__(self, first: int, num: int) -> None:
        self.image_ids = range(first, first + num)
        self.image_names = self.image_ids
        self.captions = [_caption_group(number) for number in self.image_ids]
        self.image_fingerprint = f"{first} {num}"
        self.image_keys = np.array(self.image_ids, np.int64)[:, None]

    def load_image(self, index: int) -> Tensor:
        return torch.full((3, 8, 8), self.image_ids[index] % 256, dtype=torch.uint8)


def _caption_group(number: int) -> list[str]:
    draw = random.Random(number)
    return [" ".join(draw.choices(WORDS, k=10)) for _ in range(5)]


def _many_captions(folder: Path, num_images: int) -> None:
    splits: Any = {
        "train": _ManyCaptions(1000, num_images),
        "val": _ManyCaptions(0, 500),
        "test": _ManyCaptions(500, 500),
    }
    start = time.perf_counter()
    write_shards(splits, folder, images_per_shard=10_000)
    print(f"writing {num_images:,} images: {time.perf_counter() - start:.0f} s")
    for state in ("without a cache", "from a warm cache"):
        command = [sys.executable, __file__, str(folder), "--start"]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(
            f"start {state}: {found['seconds']:.1f} s after {found['imports']:.1f} s of imports, peak "
            f"{found['peak'] / 2**20:,.0f} MiB (after imports {found['before'] / 2**20:,.0f}); {found['captions']:,} "
            f"captions, {found['vocabulary']} tokens"
        )


def _start(folder: Path) -> dict[str, float]:
    """Set the data up, load twenty batches, and return times in seconds and memory in bytes."""
    before, begin = _peak(), time.perf_counter()
    datamodule = _datamodule(folder, 8, num_workers=0)
    batches = iter(datamodule.train_dataloader())
    next(batches)
    seconds = time.perf_counter() - begin
    for _, _ in zip(range(20), batches, strict=False):
        pass
    datamodule.fingerprint()
    captions = datamodule.splits["train"].captions
    assert isinstance(captions, CaptionTable)
    return {
        "seconds": seconds,
        "imports": begin - BEGIN,
        "before": before,
        "peak": _peak(),
        "captions": len(captions.texts),
        "vocabulary": datamodule.tokenizer.vocabulary.size,
    }


def _peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main()
