"""How much memory a million captions take with data=hf, and how soon the first batch is there.

    python benchmarks/hugging_face.py [--images 200000] [--captions 5] [--folder DIR] [--out hugging_face.json]

Writes a data set of small pictures (JPEG, 32 x 32 pixels, each different) in Parquet files, and lets a fresh process
make the data ready and load one training batch: first with empty caches, then with those that the first left. Of each
the seconds by the clock and of all cores together, what the imports took of them, and the peak of the resident memory,
all of it and beyond that of the imports; it counts the pages of mapped files that are in memory, too. Prints a table
and writes the figures as JSON.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import ROOT, peak_bytes, print_table, write_figures

WORDS = ("a", "the", "dog", "cat", "man", "woman", "child", "runs", "jumps", "sits", "red", "small", "near", "under")
IN_A_FILE = 20_000  # images
JOB = "from benchmarks.hugging_face import load; load()"


def main() -> None:
    options = parse_arguments()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        write_data(folder / "data", options.images, options.captions)
        figures = {name: measure(folder) for name in ("empty caches", "warm caches")}
    columns = {
        "wall": "seconds",
        "cpu": "of CPU",
        "imports": "of CPU, imports",
        "peak": "peak MiB",
        "own": "beyond imports",
    }
    rows = [(name, *(f"{of_run[key]:.1f}" for key in columns)) for name, of_run in figures.items()]
    print_table(("", *columns.values()), rows, f"{options.images} images, {options.captions} captions each")
    if options.out is not None:
        write_figures(options.out, figures)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=200_000, help="number of images")
    parser.add_argument("--captions", type=int, default=5, help="captions of each")
    parser.add_argument("--folder", type=Path, help="where data and caches are kept; a temporary folder by default")
    parser.add_argument("--out", type=Path, help="file to write the figures to")
    return parser.parse_args()


def write_data(folder: Path, num_images: int, num_captions: int) -> None:
    """Write Parquet files of a training split, and small ones of validation and test, unless they are there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if folder.exists():
        return
    folder.mkdir(parents=True)
    sizes = [min(IN_A_FILE, num_images - start) for start in range(0, num_images, IN_A_FILE)]
    jobs = [(f"train-{i:05}-of-{len(sizes):05}", i * IN_A_FILE, size) for i, size in enumerate(sizes)]
    for name, start, size in tqdm(
        [*jobs, ("validation", num_images, 100), ("test", num_images + 100, 100)], unit="file"
    ):
        rows = [*make_rows(start, size, num_captions)]
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")


def make_rows(start: int, num: int, num_captions: int) -> Iterator[dict[str, object]]:
    """Yield images, each a noise of its own, with sentences of ten words."""
    for number in range(start, start + num):
        random = np.random.default_rng(number)
        picture = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((32, 32))
        file = io.BytesIO()
        picture.save(file, "JPEG")
        words = random.integers(0, len(WORDS), (num_captions, 10))
        captions = [" ".join(WORDS[word] for word in sentence) for sentence in words]
        yield {"image": {"bytes": file.getvalue(), "path": f"{number}.jpg"}, "caption": captions}


def measure(folder: Path) -> dict[str, float]:
    """Load the data in a process of its own."""
    start = time.perf_counter()
    variables = os.environ | {
        "HF_HOME": str(folder / "library"),
        "DATA": str(folder / "data"),
        "CACHE": str(folder / "cache"),
    }
    done = subprocess.run([sys.executable, "-c", JOB], cwd=ROOT, env=variables, check=True, stdout=subprocess.PIPE)
    return {"wall": time.perf_counter() - start, **json.loads(done.stdout)}


def load() -> None:
    """Make the data ready, load a batch, and print what it took; run by `measure`."""
    from functools import partial

    import datasets  # noqa: F401 # what it takes is the imports'

    from datamodules.hugging_face import HuggingFaceDataModule
    from datamodules.tokenizers import fit_word

    before_cpu, before = time.process_time(), peak_bytes()
    datamodule = HuggingFaceDataModule(
        path=os.environ["DATA"],
        tokenizer=partial(fit_word),
        cache_dir=os.environ["CACHE"],
        image_size=32,
        num_workers=0,
    )
    datamodule.prepare_data()
    datamodule.setup()
    next(iter(datamodule.train_dataloader()))
    memory = {"peak": peak_bytes() / 2**20, "own": (peak_bytes() - before) / 2**20}
    print(json.dumps({"cpu": time.process_time(), "imports": before_cpu, **memory}))


if __name__ == "__main__":
    main()
