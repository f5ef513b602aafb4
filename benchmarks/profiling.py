"""Where the time goes: in a training step, a validation, a whole `evaluate.py`, and until training starts.

    python benchmarks/profiling.py [--steps 10] [--threads 1] [--only NAME …] [--out profiling.json]

Each is a run of the script itself with PyTorch's profiler in it; Flickr8k's recipe is run on features that are made up
(`benchmarks/made_up_data.py`). Operators are sorted into kinds by their names; what none of them takes is Python's,
Lightning's and the profiler's. Steps are measured without the profiler, too, in CPU seconds of the process, which other
work on the machine hardly changes. Prints a table and writes the figures as JSON.
"""

import json
import os
import pstats
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.profiler import ProfilerActivity, profile

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import ROOT, cpu_seconds, parser_with_out, print_table, write_figures
from benchmarks.startup import FIRST_STEP
from utils.files import atomic_write_text

PARTS = ("training", "evaluation", "start")
STAGES = ("step", "validation")
WARM_UP_STEPS = 3
PYTHON = "Python and the rest"
KINDS = {
    "matrix products, convolutions": "mm$ addmm bmm baddbmm linear convolution conv2d conv_transpose gru lstm "
    "mkldnn_rnn scaled_dot_product matmul",
    "softmax of attention": "aten::_?softmax masked_fill triu",
    "word loss": "log_softmax segment_reduce gather nll_loss cross_entropy logsumexp",
    "normalisation": "layer_norm batch_norm",
    "optimizer, averages": r"_foreach _fused_adam addcmul addcdiv lerp aten::sqrt Optimizer\. _norm$",
    "random numbers": "rand uniform normal_ bernoulli dropout exponential",
    "copies, types": "copy clone contiguous aten::to$ aten::cat aten::fill_ zero stack constant_pad",
    "look-ups": "embedding index select scatter topk sort nonzero unique bincount repeat_interleave arange slice",
    "element by element": "aten::(add|sub|rsub|mul|div|neg|relu|tanh|sigmoid|gelu|exp|log|pow|where|sum|mean|threshold"
    "|clamp|maximum|minimum|eq|ne|ge|gt|le|lt|square|amax|max|min|bitwise|cumsum|softplus|elu|erf|rsqrt|silu)",
}
"""Operators by patterns of their names; the first kind that fits counts, and all others are Python's and the rest."""

RECIPES = {
    "shapes": ["data.num_train=800", "data.num_val=64", "data.num_test=64"],
    "Flickr8k, cached": [
        f"hydra.searchpath=[file://{ROOT}/benchmarks/conf]",
        "experiment=flickr8k",
        "data=made_up_features",
        "data.num_train=1600",
        "model.encoder.weights=null",
    ],
}
"""What is trained, by what it is called; each has 25 batches."""

EVALUATION = ["data.num_test=64", "num_captions=5", "trade_off.num_images=20", "meteor=no"]
TRAINED_STEPS = 100  # of the model that is evaluated: its captions come to an end


class ProfileRun(Callback):
    """Profiles training steps and the first whole validation of a run, and ends it.

    Args:
        out: File for the figures.
        steps: How many training steps; they are measured first without the profiler.
    """

    def __init__(self, out: str, steps: int) -> None:
        self.out = Path(out)
        self.steps = steps
        self.figures: dict[str, Any] = {}
        self.profiler: profile | None = None

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if batch_idx == WARM_UP_STEPS:
            self.cpu = time.process_time()
        elif batch_idx == WARM_UP_STEPS + self.steps:
            self.figures["cpu_seconds_per_step"] = (time.process_time() - self.cpu) / self.steps
            self._begin()
        elif batch_idx == WARM_UP_STEPS + 2 * self.steps:
            self.figures["step"] = self._end(self.steps)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self.cpu = time.process_time()
            self._begin()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        self.figures["validation"] = self._end(1)
        atomic_write_text(self.out, json.dumps(self.figures))
        os._exit(0)

    def _begin(self) -> None:
        self.profiler = profile(activities=[ProfilerActivity.CPU])
        self.profiler.__enter__()
        self.wall = time.perf_counter()

    def _end(self, times: int) -> dict[str, Any]:
        seconds = time.perf_counter() - self.wall
        assert self.profiler is not None
        self.profiler.__exit__(None, None, None)
        return shares(self.profiler, seconds, times)


def shares(profiler: profile, seconds: float, times: int = 1) -> dict[str, Any]:
    """Return the share of each kind in the seconds that were profiled, and milliseconds and calls of single operators.

    Args:
        profiler: It has ended.
        seconds: By the clock.
        times: How often that was profiled of which one is asked for, such as training steps.
    """
    of_kind: dict[str, float] = defaultdict(float)
    operators = {}
    for event in profiler.key_averages():
        kind = kind_of(event.key)
        own = event.self_cpu_time_total / 1e6
        operators[event.key] = {"ms": 1e3 * own / times, "calls": event.count / times, "kind": kind}
        if kind != PYTHON:
            of_kind[kind] += own
    of_kind[PYTHON] = seconds - sum(of_kind.values())
    dearest = sorted(operators, key=lambda name: -operators[name]["ms"])[:40]
    return {
        "profiled_seconds": seconds / times,
        "shares": {kind: of_kind[kind] / seconds for kind in (*KINDS, PYTHON)},
        "operators": {name: operators[name] for name in dearest},
    }


def kind_of(operator: str) -> str:
    """Return what an operator does; autograd's own events stand for none."""
    if not operator.startswith(("aten::", "mkldnn", "Optimizer.")):
        return PYTHON
    fits = (kind for kind, patterns in KINDS.items() if any(re.search(p, operator) for p in patterns.split(" ")))
    return next(fits, PYTHON)


def imports_of(report: str) -> dict[str, float]:
    """Return the share of each package in the time of all imports, those of Python's own together.

    Args:
        report: What `python -X importtime` writes.
    """
    own: dict[str, float] = defaultdict(float)
    for line in report.splitlines():
        found = re.match(r"import time:\s+(\d+) \|\s+\d+ \|\s*([\w.]+)", line)
        if found:
            package = found[2].partition(".")[0]
            own["Python's own" if package in sys.stdlib_module_names else package] += int(found[1])
    return shares_of_largest(own, 9)


def packages_of(statistics: pstats.Stats) -> dict[str, float]:
    """Return the share of each package's own functions in the time of a whole run; PyTorch's operators are one."""
    own: dict[str, float] = defaultdict(float)
    for (file, _, function), (_, _, seconds, _, _) in statistics.stats.items():  # type: ignore[attr-defined]
        own[_package(file, function)] += seconds
    return shares_of_largest(own, 12)


def shares_of_largest(seconds: Mapping[str, float], num: int) -> dict[str, float]:
    """Return the shares of the `num` largest in the whole, and that of all others together."""
    total = sum(seconds.values())
    largest = dict(sorted(seconds.items(), key=lambda item: -item[1])[:num])
    others = total - sum(largest.values())
    return {name: value / total for name, value in {**largest, "others": others}.items()}


def _package(file: str, function: str) -> str:
    if file == "~":  # written in C
        return "PyTorch's operators" if "torch" in function else "Python's own"
    if found := re.search(r"site-packages/(\w+)", file):
        return found[1]
    inside = Path(file).resolve()
    return inside.relative_to(ROOT).parts[0] if inside.is_relative_to(ROOT) else "Python's own"


def run(command: Sequence[str], *, threads: int) -> str:
    """Run Python with a command line; return what it wrote to its error stream.

    Raises:
        RuntimeError: It failed.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-800:]}")
    return done.stderr


def profile_training(name: str, folder: Path, *, steps: int, threads: int) -> dict[str, Any]:
    """Return the figures of training steps and of the validation after them."""
    out = folder / "figures.json"
    callback = f"+callbacks.profile={{_target_: benchmarks.profiling.ProfileRun, out: '{out}', steps: {steps}}}"
    limits = [f"trainer.limit_train_batches={WARM_UP_STEPS + 2 * steps + 1}", "trainer.accelerator=cpu"]
    run(["train.py", *RECIPES[name], *_places(folder, name), *limits, callback], threads=threads)
    figures: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return figures


def profile_evaluation(folder: Path, *, threads: int) -> dict[str, Any]:
    """Return the shares of packages in a whole `evaluate.py` of a model that was trained for a moment."""
    limits = [f"trainer.max_steps={TRAINED_STEPS}", "trainer.accelerator=cpu", "test=false", "callbacks=none"]
    saved = "+callbacks.checkpoint={_target_: pytorch_lightning.callbacks.ModelCheckpoint, dirpath: %s, filename: best}"
    places = _places(folder, "evaluated")
    run(["train.py", "data.num_train=3200", "data.num_val=32", *places, *limits, saved % folder], threads=threads)
    out, places = folder / "evaluation.profile", _places(folder, "evaluation")
    arguments = [f"checkpoint={folder}/best.ckpt", "data.num_val=32", "data.num_train=3200", *EVALUATION, *places]
    command = ["-m", "cProfile", "-o", str(out), "evaluate.py", *arguments]
    seconds, _ = cpu_seconds(lambda: run(command, threads=threads))
    return {"cpu_seconds": seconds, "shares": packages_of(pstats.Stats(str(out)))}


def profile_start(folder: Path, *, threads: int) -> dict[str, Any]:
    """Return the shares of packages in the imports until the first training step would begin, and those of the rest."""
    places = [*_places(folder, "start"), "logger=none", FIRST_STEP, "data.num_train=64", "trainer.accelerator=cpu"]
    run(["train.py", *places], threads=threads)  # which draws the data
    seconds, report = cpu_seconds(lambda: run(["-X", "importtime", "train.py", *places], threads=threads))
    return {"cpu_seconds": seconds, "shares": imports_of(report)}


def _places(folder: Path, name: str) -> list[str]:
    return [f"hydra.run.dir={folder / name.partition(',')[0]}", f"cache_dir={folder / 'cache'}"]


def show(title: str, columns: Mapping[str, Mapping[str, float]]) -> None:
    """Print shares as a table: a column for each of what was measured."""
    names = dict.fromkeys(name for shares in columns.values() for name in shares)
    rows = [(n, *(f"{shares[n]:.1%}" if n in shares else "" for shares in columns.values())) for n in names]
    print_table(("", *columns), rows, title)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = parser_with_out("Measure where the time goes.", "profiling.json")
    parser.add_argument("--steps", type=int, default=10, help="training steps to measure, at most 10 (10)")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch (1)")
    parser.add_argument("--only", nargs="*", default=PARTS, choices=PARTS, help="what to measure (all)")
    parser.add_argument("--recipes", nargs="*", default=[*RECIPES], choices=RECIPES, help="what to train (all)")
    options = parser.parse_args(arguments)
    figures: dict[str, Any] = {"threads": options.threads, "torch": torch.__version__}
    with tempfile.TemporaryDirectory() as temporary:
        folder, threads = Path(temporary), options.threads
        if "training" in options.only:
            trained = {
                name: profile_training(name, folder, steps=options.steps, threads=threads) for name in options.recipes
            }
            figures["training"] = trained
            columns = {f"{part}, {name}": row[part]["shares"] for name, row in trained.items() for part in STAGES}
            show("Share of the time by the kind of operator", columns)
            for name, row in trained.items():
                print(f"{name}: {1e3 * row['cpu_seconds_per_step']:.0f} ms of CPU a step, without the profiler")
        if "evaluation" in options.only:
            figures["evaluation"] = profile_evaluation(folder, threads=threads)
        if "start" in options.only:
            figures["start"] = profile_start(folder, threads=threads)
        for name, title in (("evaluation", "evaluate.py, by package"), ("start", "imports until training starts")):
            if name in figures:
                show(f"{title}: {figures[name]['cpu_seconds']:.1f} s of CPU in all", {"share": figures[name]["shares"]})
    write_figures(options.out, figures)


if __name__ == "__main__":
    main()
