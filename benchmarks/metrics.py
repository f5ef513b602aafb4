"""How fast captions are scored and how closely pycocoevalcap agrees; how much memory 40,000 images take.

    python benchmarks/metrics.py [CAPTIONS] [--pycocoevalcap SITE_PACKAGES] [--out metrics.json]

CAPTIONS is a file of references with five captions an image, in any format that score.py reads; without it captions
are made up. Candidates begin like one of their image's references and end like some other image's. Prints a table for
each size, and writes the figures as JSON.

Shape legend: N candidates, image by image; S candidates of each image, B images.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.coco_metrics import Case, Coco, load_coco
from benchmarks.measuring import MACHINE, ROOT, cpu_seconds, parser_with_out, peak_of, print_table, write_figures
from datamodules.annotations import read_references
from metrics.bleu import bleu_statistics, corpus_bleu, sentence_bleu
from metrics.caption_metric import ImageCaptions
from metrics.cider import cider_d
from metrics.ngrams import Floats, Tokens
from metrics.paired_captions import PairedCaptions
from metrics.ptb_tokenizer import ptb_tokenize
from metrics.rouge_l import rouge_l

SIZES = ((5_000, 1), (1_000, 20))
NUM_REFERENCES = 5
MEMORY_IMAGES = 40_000


class Figures(NamedTuple):
    """Seconds that both take for the same, and how far their results differ."""

    facet_seconds: float
    pycocoevalcap_seconds: float | None
    difference: float | None


def read_pool(path: Path | None, generator: random.Random) -> list[list[str]]:
    """Return five captions each of many images: those of a file, or made up."""
    if path is not None:
        fives = [image.captions[:NUM_REFERENCES] for image in read_references(path).images]
        return [five for five in fives if len(five) == NUM_REFERENCES]
    words = ["".join(generator.choices("aeioubdfgklmnprst", k=generator.randint(2, 9))) for _ in range(8_000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]  # as often as words of a language are
    captions = [" ".join(generator.choices(words, weights, k=generator.randint(6, 18))) for _ in range(40_000)]
    captions = [f"{caption.capitalize()}." for caption in captions]
    return [captions[i : i + NUM_REFERENCES] for i in range(0, len(captions), NUM_REFERENCES)]


def make_images(
    pool: list[list[str]], num_images: int, num_candidates: int, generator: random.Random
) -> list[ImageCaptions]:
    """Draw images with made candidates; beyond the size of the pool references are made as well, so that all differ."""
    images = []
    for image_id in range(num_images):
        own = pool[image_id % len(pool)]
        made = [_mix(own, generator.choice(pool), generator) for _ in range(num_candidates + NUM_REFERENCES)]
        references = own if image_id < len(pool) else made[num_candidates:]
        images.append(ImageCaptions(image_id, made[:num_candidates], references))
    return images


def _mix(own: list[str], other: list[str], generator: random.Random) -> str:
    start, end = generator.choice(own).split(), generator.choice(other).split()
    return " ".join(start[: generator.randint(len(start) // 3, len(start))] + end[len(end) // 2 :])


def tokenize(images: Sequence[ImageCaptions]) -> Case:
    """Tokenize every caption anew."""
    ptb_tokenize.cache_clear()
    candidates: list[list[Tokens]] = [[ptb_tokenize(caption) for caption in image.candidates] for image in images]
    references: list[list[Tokens]] = [[ptb_tokenize(caption) for caption in image.references] for image in images]
    return Case([*images], candidates, references)


def our_bleu(pairs: PairedCaptions) -> Floats:
    """Return BLEU-1 to BLEU-4 of each candidate, then of all first, second, … candidates: [N + S, 4]."""
    statistics = bleu_statistics(pairs)
    num_slots = len(pairs.candidates) // len(pairs.references)
    corpus_S4 = [corpus_bleu(type(statistics)(*(part[s::num_slots] for part in statistics))) for s in range(num_slots)]
    return np.concatenate([sentence_bleu(statistics), np.stack(corpus_S4)])


OURS: dict[str, Callable[[PairedCaptions], Floats]] = {"BLEU": our_bleu, "ROUGE-L": rouge_l, "CIDEr-D": cider_d}


def fastest(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Return the least CPU seconds that the work took, those of Java included, and what it returned."""
    runs = [cpu_seconds(work) for _ in range(repeats)]
    return min(seconds for seconds, _ in runs), runs[-1][1]


def compare(images: Sequence[ImageCaptions], coco: Coco | None, repeats: int) -> dict[str, Figures]:
    """Time each part alone, then what a user waits for: the metrics together, without and with the tokenizer."""
    seconds, case = fastest(lambda: tokenize(images), repeats)
    their_seconds, difference = None, None
    if coco is not None:
        their_seconds, theirs = fastest(lambda: coco.tokenize(images), repeats)
        difference = float(
            sum(map(_different, case.candidates + case.references, theirs.candidates + theirs.references))
        )
    figures = {"tokenizer": Figures(seconds, their_seconds, difference)}
    for name in OURS:
        figures[name] = _compare_metric(name, case, coco, repeats)
    together, _ = fastest(lambda: _score_all(case.pair()), repeats)
    theirs_together = [figures[name].pycocoevalcap_seconds for name in OURS]
    their_sum = None if coco is None else sum(value or 0.0 for value in theirs_together)
    figures["all metrics"] = Figures(together, their_sum, None)
    their_whole = None if their_sum is None else their_sum + (their_seconds or 0.0)
    figures["all + tokenizer"] = Figures(together + seconds, their_whole, None)
    return figures


def _compare_metric(name: str, case: Case, coco: Coco | None, repeats: int) -> Figures:
    seconds, ours = fastest(lambda: OURS[name](case.pair()), repeats)
    if coco is None:
        return Figures(seconds, None, None)
    their_seconds, theirs = fastest(lambda: coco.score(name, case), repeats)
    return Figures(seconds, their_seconds, float(np.abs(ours - theirs).max()))


def _score_all(pairs: PairedCaptions) -> list[Floats]:
    return [score(pairs) for score in OURS.values()]


def _different(ours: list[Tokens], theirs: list[Tokens]) -> int:
    return sum([*caption] != [*other] for caption, other in zip(ours, theirs, strict=True))


def whole_command(images: Sequence[ImageCaptions]) -> dict[str, float]:
    """Return seconds and peak memory of score.py in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = [{"image_id": image.image_id, "caption": image.candidates[0]} for image in images]
        (folder / "results.json").write_text(json.dumps(results), "utf-8")
        lines = (f"{image.image_id}#{i}\t{text}\n" for image in images for i, text in enumerate(image.references))
        (folder / "references").write_text("".join(lines), "utf-8")
        command = [sys.executable, str(ROOT / "score.py"), "results.json", "references", "--meteor", "no"]
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError(f"score.py ended with exit code {process.returncode}")
        return {"seconds": time.perf_counter() - start, "peak_MiB": peak_of(usage) / 2**20}


def show(title: str, figures: dict[str, Figures]) -> None:
    """Print our time and that of pycocoevalcap ("coco"), their ratio and the largest difference of a score."""
    rows = []
    for name, (ours, theirs, difference) in figures.items():
        differs = (
            "" if difference is None else f"{difference:.0f} captions" if name == "tokenizer" else f"{difference:.1e}"
        )
        times = ("", "") if theirs is None else (f"{theirs:.3f}", f"{theirs / ours:.1f}")
        rows.append((name, f"{ours:.3f}", *times, differs))
    print_table(("part", "facet, s", "coco, s", "coco / facet", "difference"), rows, title)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all sizes."""
    parser = parser_with_out("Measure the speed of caption metrics, and compare with pycocoevalcap.", "metrics.json")
    parser.add_argument("captions", type=Path, nargs="?", help="a file of references with five captions an image")
    parser.add_argument("--pycocoevalcap", type=Path, help="a site-packages folder that holds it")
    parser.add_argument("--repeats", type=int, default=3, help="the fastest run counts (3)")
    parser.add_argument("--seed", type=int, default=0, help="of the captions that are drawn (0)")
    options = parser.parse_args(arguments)
    generator = random.Random(options.seed)
    pool = read_pool(options.captions, generator)
    figures: dict[str, Any] = {"machine": MACHINE, "seed": options.seed}
    # first, while this process is small: a child's peak is at least what its parent holds at that time
    memory = whole_command(make_images(pool, MEMORY_IMAGES, 1, generator))
    figures["score.py, 40000 x 5 x 1"] = memory
    print(f"score.py on 40,000 x 5 x 1: {memory['seconds']:.1f} s, {memory['peak_MiB']:,.0f} MiB")
    coco = load_coco(options.pycocoevalcap)
    for num_images, num_candidates in SIZES:
        compared = compare(make_images(pool, num_images, num_candidates, generator), coco, options.repeats)
        size = f"{num_images} x {NUM_REFERENCES} x {num_candidates}"
        show(f"{size} (images x references x captions)", compared)
        figures[size] = {name: part._asdict() for name, part in compared.items()}
    write_figures(options.out, figures)


if __name__ == "__main__":
    main()
