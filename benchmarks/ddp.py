"""Whether data-parallel runs end: whole ones, one after the other, and ones in which a process dies or fails.

    python benchmarks/ddp.py [--runs 20] [--faults 3] [--out ddp.json]

Each run is `train.py` on the CPU with two processes and tiny sizes. A run that is still there after its time limit
counts as hung. Prints a table and writes the figures as JSON. Needs Linux: it looks into /proc.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import ROOT, parser_with_out, print_table, write_figures

NUM_PROCESSES = 2
LONGEST_RUN = 1800.0  # seconds, on a busy machine
LONGEST_END = 60.0  # seconds from a fault to the end of all processes
FAULT_STEP = 3
POLL = 0.1

TINY = (
    "trainer.accelerator=cpu",
    f"trainer.devices={NUM_PROCESSES}",
    "trainer.enable_model_summary=false",
    "callbacks.progress_bar.refresh_rate=0",
    "data.num_train=8",
    "data.num_val=3",
    "data.num_test=3",
    "data.batch_size=2",
    "data.image_size=32",
    "model.encoder.base_width=4",
    "model.decoder.hidden_size=16",
    "model.embedding.embedding_dim=12",
)


class Fault(pl.Callback):
    """Lets one process fail in the middle of training, by an error or as `kill -9` would.

    Args:
        rank: The process.
        killed: Whether it is killed; otherwise it raises an error.
        told: A file that is made at that moment.
    """

    def __init__(self, rank: int, killed: bool, told: str) -> None:
        self.rank = rank
        self.killed = killed
        self.told = Path(told)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_rank == self.rank and trainer.global_step >= FAULT_STEP:
            self.told.touch()
            if self.killed:
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError(f"process {self.rank} fails on purpose")


class Outcome(NamedTuple):
    """How a run has ended.

    Attributes:
        code: The exit code; negative for a signal, None if it had to be ended from outside.
        seconds: How long it took: all of it, or from the fault on.
        output: What it printed.
    """

    code: int | None
    seconds: float
    output: str


def start(folder: Path, *overrides: str) -> subprocess.Popen[str]:
    """Start a run in a process group of its own, whose processes all write to `folder/output.txt`."""
    folder.mkdir(parents=True)
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    env = {name: value for name, value in env.items() if name not in ("PL_GLOBAL_SEED", "MASTER_PORT")}
    places = [f"cache_dir={folder.parent}/cache", f"hydra.run.dir={folder}/run"]
    command = [sys.executable, str(ROOT / "train.py"), *TINY, *places, *overrides]
    with (folder / "output.txt").open("w") as output:
        return subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=env, text=True, start_new_session=True
        )


def whole_run(folder: Path) -> Outcome:
    """Train for one epoch, and test."""
    run, begun = start(folder, "trainer.max_epochs=1"), time.monotonic()
    return _end(run, folder, begun, LONGEST_RUN)


def faulty_run(folder: Path, *, rank: int, killed: bool, overrides: Sequence[str] = ()) -> Outcome:
    """Train until a process fails, and measure how long the others outlive it."""
    told = folder / "fault"
    fault = {"_target_": "benchmarks.ddp.Fault", "rank": rank, "killed": killed, "told": told}
    run = start(
        folder,
        "trainer.max_epochs=1000",
        *(f"+callbacks.fault.{key}={value}" for key, value in fault.items()),
        *overrides,
    )
    deadline = time.monotonic() + LONGEST_RUN
    while not told.exists() and run.poll() is None and time.monotonic() < deadline:
        time.sleep(POLL)
    return _end(run, folder, time.monotonic(), LONGEST_END)


def _end(run: subprocess.Popen[str], folder: Path, begun: float, limit: float) -> Outcome:
    """Wait until all processes of a run are gone, and end them if they do not go."""
    code = None
    while time.monotonic() - begun < limit:
        code = run.poll()
        if code is not None and not alive(run.pid):
            break
        time.sleep(POLL)
    else:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        code = None
    return Outcome(code, time.monotonic() - begun, (folder / "output.txt").read_text())


def alive(group: int) -> bool:
    """Return whether any process of a process group still runs."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of_process = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it ended while we looked
            continue
        if int(of_process) == group and state != "Z":
            return True
    return False


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all, print the table, and write the figures; exit code 1 if anything hung or failed to fail."""
    parser = parser_with_out("Check that data-parallel runs end.", "ddp.json")
    parser.add_argument("--runs", type=int, default=20, help="whole runs in a row (20)")
    parser.add_argument("--faults", type=int, default=3, help="runs of each kind of fault (3)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        outcomes = {"whole run": [whole_run(folder / f"whole-{i}") for i in range(options.runs)]}
        for rank in range(NUM_PROCESSES):
            for killed in (True, False):
                name = f"process {rank} {'is killed' if killed else 'raises an error'}"
                outcomes[name] = [
                    faulty_run(folder / f"fault-{rank}-{killed}-{i}", rank=rank, killed=killed)
                    for i in range(options.faults)
                ]
    figures = [figures_of(name, results) for name, results in outcomes.items() if results]
    rows = []
    for row in figures:
        seconds = row["seconds"]
        counts = map(str, (row["number"], row["as_expected"], row["hung"]))
        rows.append((row["name"], *counts, f"{seconds[len(seconds) // 2]:.1f}", f"{seconds[-1]:.1f}"))
    print_table(("runs", "number", "as expected", "hung", "seconds, median", "seconds, longest"), rows)
    write_figures(options.out, {"processes": NUM_PROCESSES, "cores": os.cpu_count(), "runs": figures})
    if any(row["as_expected"] < row["number"] for row in figures):
        raise SystemExit(1)


def figures_of(name: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return how many runs ended as they should: a whole one with 0, a faulty one with anything else."""
    should_fail = not name.startswith("whole")
    return {
        "name": name,
        "number": len(outcomes),
        "as_expected": sum(o.code is not None and (o.code != 0) == should_fail for o in outcomes),
        "hung": sum(o.code is None for o in outcomes),
        "codes": [o.code for o in outcomes],
        "seconds": sorted(round(o.seconds, 2) for o in outcomes),
    }


if __name__ == "__main__":
    main()
