"""How soon the scripts answer, and how long training takes to its first step, beside the imports that it needs.

    python benchmarks/startup.py [--repeats 3] [--out startup.json] [group=option …] [key=value …]

Help and mistakes need no torch: their ratio is to `import torch`. Training needs torch and Lightning: its ratio is to
importing both; it counts imports and set-up together, with the data drawn and cached before. The overrides are those
of `train.py`. Each figure is the least of the repeats. Prints a table and writes the figures as JSON.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pytorch_lightning import Callback, LightningModule, Trainer
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import ROOT, cpu_seconds, parser_with_out, print_table, write_figures

TORCH, BOTH = "import torch", "import torch, pytorch_lightning"
FIRST_STEP = "+callbacks.first_step={_target_: benchmarks.startup.EndAtFirstStep}"


class EndAtFirstStep(Callback):
    """Ends the process where its first training step would begin."""

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        os._exit(0)


class Seconds(NamedTuple):
    """How long a command took.

    Attributes:
        wall: By the clock.
        cpu: Of all cores together, which other work on the machine hardly changes.
    """

    wall: float
    cpu: float


def measure(command: Sequence[str], *, codes: Sequence[int] = (0,)) -> Seconds:
    """Run a command of Python in the repository and time it.

    Raises:
        RuntimeError: It ends with another exit code than expected.
    """
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    words, environment = [sys.executable, *command], {**os.environ, "PYTHONPATH": paths}
    start = time.perf_counter()
    cpu, done = cpu_seconds(lambda: subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=environment))
    wall = time.perf_counter() - start
    if done.returncode not in codes:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return Seconds(wall, cpu)


def measure_all(repeats: int, overrides: Sequence[str], folder: Path) -> dict[str, Seconds]:
    """Return the least seconds of each command, by what it is."""
    train = [*overrides, f"cache_dir={folder / 'cache'}", "logger=none", FIRST_STEP]
    commands: dict[str, tuple[list[str], tuple[int, ...]]] = {
        TORCH: (["-c", TORCH], (0,)),
        BOTH: (["-c", BOTH], (0,)),
        "train.py --help": (["train.py", "--help"], (0,)),
        "train.py with a mistake": (["train.py", "model=resnett"], (1,)),
        "caption.py --help": (["caption.py", "--help"], (0,)),
        "draw.py --help": (["draw.py", "--help"], (0,)),
        "score.py --help": (["score.py", "--help"], (0,)),
        "train.py to its first step": (["train.py", *train], (0,)),
    }
    found: dict[str, list[Seconds]] = {name: [] for name in commands}
    measure(["train.py", *train, f"hydra.run.dir={folder / 'warm-up'}"])  # which draws the data
    with tqdm(total=repeats * len(commands), unit="command") as progress:
        for number in range(repeats):
            for name, (command, codes) in commands.items():
                own = [f"hydra.run.dir={folder / f'run-{number}'}"] if FIRST_STEP in command else []
                found[name].append(measure([*command, *own], codes=codes))
                progress.update()
    return {name: Seconds(*map(min, zip(*seconds, strict=True))) for name, seconds in found.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = parser_with_out("Measure how soon the scripts answer.", "startup.json")
    parser.add_argument("--repeats", type=int, default=3, help="of each command (3)")
    options, overrides = parser.parse_known_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure_all(options.repeats, overrides, Path(folder))
    cells, rows = [], {}
    for name, (wall, cpu) in seconds.items():
        ratios = cpu / seconds[TORCH].cpu, cpu / seconds[BOTH].cpu
        cells.append((name, *(f"{value:.2f}" for value in (wall, cpu, *ratios))))
        rows[name] = {"wall": wall, "cpu": cpu, "to_torch": ratios[0], "to_torch_and_lightning": ratios[1]}
    print_table(("", "wall (s)", "CPU (s)", f"CPU ÷ {TORCH}", f"CPU ÷ {BOTH}"), cells, "until it answers")
    write_figures(options.out, rows)


if __name__ == "__main__":
    main()
