"""How time and memory grow: of a training step with what a batch holds, of metrics with the number of images.

    python benchmarks/growth.py [--only step metrics] [--largest 40000] [--threads 1] [--out growth.json]

A step is that of the model of `experiment=flickr8k` on a made-up batch; one size at a time is varied, all others stay.
Each step runs in a process of its own, whose peak of memory is the step's. The exponent is that of the power of the
size by which seconds grow between the last two rows: 1 is in proportion, 2 quadratic. Seconds are of the CPU.
"""

import math
import multiprocessing
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import cpu_seconds, parser_with_out, peak_bytes, print_table, write_figures
from benchmarks.training_steps import Sizes, captioner_of, made_up_batch, recipe, step_of, tokenizer_of
from metrics.scorer import score_captions
from utils.devices import keep_freed_memory

PARTS = ("step", "metrics")
MIDDLE = Sizes(images=16)
WIDTH = 256
VARIED: dict[str, Sequence[int]] = {
    "images": (16, 32, 64),
    "captions": (1, 5, 10),
    "words": (2_000, 10_000, 50_000),
    "length": (10, 20, 40),
    "width": (128, 256, 512),
}
IMAGES = (500, 5_000, 40_000)


class Cost(NamedTuple):
    """CPU seconds, and by how many MiB the peak of memory rose; None where it is not measured."""

    seconds: float
    mebibytes: float | None = None


def cost_of_step(sizes: Sizes, width: int, threads: int) -> Cost:
    """Return what a training step costs, the second of three."""
    torch.set_num_threads(threads)
    keep_freed_memory()
    tokenizer = tokenizer_of(sizes.words)
    widths = [f"model.decoder.hidden_size={width}", f"model.decoder.feedforward_size={4 * width}"]
    config = recipe(sizes, [*widths, f"model.embedding.embedding_dim={width}", f"model.middle.hidden_size={width}"])
    module = captioner_of(config, tokenizer)
    batch = made_up_batch(tokenizer.vocabulary, sizes)
    before = peak_bytes()
    step = step_of(module, lambda: module.training_step(batch, 0), config.model.optimizer, torch.bfloat16)
    step()
    seconds = min(cpu_seconds(step)[0] for _ in range(2))
    return Cost(seconds, (peak_bytes() - before) / 2**20)


def in_a_process(job: Callable[..., Cost], *arguments: Any) -> Cost:
    """Run a job in a process of its own, which is forked where all imports are done."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.growth"])
    with context.Pool(1) as pool:
        return pool.apply(job, arguments)


def growth_of_steps(threads: int, run: Callable[..., Cost] = in_a_process) -> dict[str, dict[int, Cost]]:
    """Return the cost of a step for each value of each size that is varied."""
    found: dict[str, dict[int, Cost]] = {}
    for name, values in VARIED.items():
        found[name] = {}
        for value in values:
            sizes = MIDDLE if name == "width" else MIDDLE._replace(**{name: value})
            found[name][value] = run(cost_of_step, sizes, value if name == "width" else WIDTH, threads)
    return found


def growth_of_metrics(largest: int) -> dict[int, Cost]:
    """Return the cost of all scores that need no Java, by the number of images, of five references each."""
    from benchmarks.metrics import make_images, read_pool

    generator = random.Random(0)
    pool = read_pool(None, generator)
    found = {}
    for num in (*(n for n in IMAGES if n < largest), largest):
        images = make_images(pool, num, 1, generator)
        before = peak_bytes()
        seconds, _ = cpu_seconds(lambda images=images: score_captions(images))  # type: ignore[misc]
        found[num] = Cost(seconds, (peak_bytes() - before) / 2**20)
    return found


def exponent(costs: dict[int, Cost]) -> float:
    """Return the power of the size by which seconds grow between the last two rows."""
    (size, cost), (larger, dearer) = [*costs.items()][-2:]
    return math.log(dearer.seconds / cost.seconds) / math.log(larger / size)


def show(found: dict[str, dict[int, Cost]]) -> None:
    """Print seconds and memory for each size, and how they grow."""
    rows = []
    for name, costs in found.items():
        for value, cost in costs.items():
            is_last = value == [*costs][-1] and len(costs) > 1
            memory = "" if cost.mebibytes is None else f"{cost.mebibytes:,.0f}"
            power = f"{exponent(costs):.2f}" if is_last else ""
            rows.append((name, f"{value:,}", f"{cost.seconds:.3f}", memory, power))
    print_table(("size", "value", "CPU seconds", "MiB more at the peak", "exponent"), rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = parser_with_out("Measure how time and memory grow.", "growth.json")
    parser.add_argument("--only", nargs="*", default=PARTS, choices=PARTS, help="what to measure (all)")
    parser.add_argument("--largest", type=int, default=IMAGES[-1], help="most images that are scored (40000)")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch (1)")
    options = parser.parse_args(arguments)
    found: dict[str, dict[int, Cost]] = {}
    if "metrics" in options.only:
        found["images that are scored"] = growth_of_metrics(options.largest)
    if "step" in options.only:
        found |= growth_of_steps(options.threads)
    show(found)
    rows = {name: {value: cost._asdict() for value, cost in costs.items()} for name, costs in found.items()}
    write_figures(options.out, {"torch": torch.__version__, **rows})


if __name__ == "__main__":
    main()
