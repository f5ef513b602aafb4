"""How fast `data=images` loads, against a plain torchvision data set; and what a very large data set costs.

    python benchmarks/images.py ROOT [--size 160] [--num-images 1000] [--repeats 5] [--workers 0]
    python benchmarks/images.py --scale 200000 [--captions-per-image 5]

The first reads the images in ROOT that Flickr8k's token file, or any other file of captions there, names. Both load the
same files, resize the shorter side and cut out the centre square; they take turns, and the ratio is that of the
medians. Without workers it counts the seconds of the processor, which other programs do not lengthen. The second writes
so many tiny JPEGs into one folder, with a CSV of captions, and tells how long the data take to be ready with an empty
and with a filled cache, and the most memory that the process took beyond that of its imports.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, SequentialSampler
from torchvision.transforms import v2

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import ROOT
from datamodules.image_files.image_file_split import ImageFileSplit
from datamodules.images import ImagesDataModule
from datamodules.tokenizers import fit_word

BATCH_SIZE = 50
READY = """
import json, sys, time
start = time.perf_counter()
sys.path.insert(0, {path!r})
from benchmarks.images import datamodule_of
from benchmarks.measuring import peak_bytes
imported, at_import = time.perf_counter(), peak_bytes() / 1e6
cpu_imported = time.process_time()
datamodule = datamodule_of({root!r}, {cache!r}, image_size=32, split=[0.98, 0.01, 0.01])
datamodule.prepare_data()
datamodule.setup()
ready, cpu_ready = time.perf_counter(), time.process_time()
next(iter(datamodule.train_dataloader()))
first = time.perf_counter()
print(json.dumps({{"imports_s": imported - start, "ready_s": ready - imported,
                   "ready_cpu_s": cpu_ready - cpu_imported, "first_batch_s": first - ready,
                   "imports_mb": at_import, "peak_mb": peak_bytes() / 1e6,
                   "beyond_imports_mb": peak_bytes() / 1e6 - at_import}}))
"""


class PlainImages(Dataset[Tensor]):
    """What a tutorial would write: Pillow and torchvision's transforms."""

    def __init__(self, paths: Sequence[str | Path], size: int) -> None:
        self.paths = paths
        self.transform = v2.Compose([v2.Resize(size), v2.CenterCrop(size), v2.PILToTensor()])

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        with Image.open(self.paths[index]) as image:
            tensor: Tensor = self.transform(image.convert("RGB"))
        return tensor


def datamodule_of(root: str | Path, cache: str | Path, **settings: object) -> ImagesDataModule:
    """Return data as `data=images` reads them, without workers."""
    return ImagesDataModule(
        root=root,
        cache_dir=cache,
        tokenizer=partial(fit_word, min_count=5),
        batch_size=BATCH_SIZE,
        num_workers=0,
        **settings,  # type: ignore[arg-type]
    )


def compare_loading(options: argparse.Namespace) -> dict[str, float]:
    """Return images a second of both, and their ratio."""
    with tempfile.TemporaryDirectory() as cache:
        datamodule = datamodule_of(options.root, cache, image_size=options.size, split=[1 - 2e-3, 1e-3, 1e-3])
        datamodule.prepare_data()
        datamodule.setup()
        split = datamodule.splits["train"]
        assert isinstance(split, ImageFileSplit)
        own = torch.utils.data.Subset(datamodule.train_dataloader().dataset, range(options.num_images))
        plain = PlainImages(split.paths[: options.num_images], options.size)
        collate = datamodule.train_dataloader().collate_fn
        rates: dict[str, list[float]] = {"images": [], "plain": []}
        for _ in range(options.repeats):
            for name, dataset, gather in (("images", own, collate), ("plain", plain, None)):
                loader = DataLoader(
                    dataset,  # type: ignore[arg-type]
                    batch_size=BATCH_SIZE,
                    sampler=SequentialSampler(dataset),
                    num_workers=options.workers,
                    collate_fn=gather,
                )
                clock = time.perf_counter if options.workers else time.process_time
                start = clock()
                num = sum(1 for _ in loader) * BATCH_SIZE
                rates[name].append(num / (clock() - start))
    medians = {name: statistics.median(of_one) for name, of_one in rates.items()}
    return {"data=images, images/s": medians["images"], "plain torchvision, images/s": medians["plain"],
            "ratio": medians["images"] / medians["plain"]}  # fmt: skip


def write_many(root: Path, num_images: int, captions_per_image: int) -> None:
    """Write tiny JPEGs into one folder, each of its own colour, and a CSV of captions."""
    (root / "images").mkdir(parents=True)
    text = "a dog cat child red blue small large runs jumps sits on the grass beach street with ball near tree"
    words = text.split(" ")
    with (root / "captions.csv").open("w", encoding="utf-8") as file:
        file.write("image,caption\n")
        for n in range(num_images):
            colour = (n % 256, n // 256 % 256, n // 65536)
            Image.new("RGB", (40, 32), colour).save(root / f"images/{n:07d}.jpg", quality=90)
            for i in range(captions_per_image):
                caption = " ".join(words[(n * 7 + i * 3 + k * k) % len(words)] for k in range(10))
                file.write(f'{n:07d}.jpg,"{caption}, number {" ".join(str(n))}"\n')


def measure_scale(num_images: int, captions_per_image: int) -> dict[str, dict[str, float]]:
    """Return seconds and megabytes until the first batch, with an empty and with a filled cache."""
    with tempfile.TemporaryDirectory() as folder:
        root, cache = Path(folder) / "data", Path(folder) / "cache"
        write_many(root, num_images, captions_per_image)
        code = READY.format(path=str(ROOT), root=str(root), cache=str(cache))
        found = {}
        for name in ("empty cache", "filled cache"):
            finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            found[name] = json.loads(finished.stdout.splitlines()[-1])
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=Path, help="folder of images with a file of captions")
    parser.add_argument("--size", type=int, default=160, help="pixels (160)")
    parser.add_argument("--num-images", type=int, default=1000, help="how many are loaded (1000)")
    parser.add_argument("--repeats", type=int, default=5, help="how often (5)")
    parser.add_argument("--workers", type=int, default=0, help="processes that load (0: none but this one)")
    parser.add_argument("--scale", type=int, help="write so many tiny images, and measure the start")
    parser.add_argument("--captions-per-image", type=int, default=5, help="of them (5)")
    options = parser.parse_args(arguments)
    if (options.root is None) == (options.scale is None):
        parser.error("give either ROOT or --scale")
    found = measure_scale(options.scale, options.captions_per_image) if options.scale else compare_loading(options)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
