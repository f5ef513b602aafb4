"""Training runs that are really killed (SIGKILL), in processes that are forks of one that has imported everything."""

import multiprocessing
import random
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.child import log_of, train
from tests.faults.witness import AT, END, EVENTS, LOSSES, SIGNAL

EARLY_STOPPING = (
    "+callbacks.early_stopping={_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: val/loss, patience: 9}"
)
BASE = (
    "data.num_train=23",
    "data.batch_size=4",
    "data.num_val=5",
    "trainer.max_epochs=3",
    "callbacks.resume.every_n_steps=2",
    "trainer.limit_test_batches=1",
    EARLY_STOPPING,
)
VARIANTS: dict[str, tuple[str, ...]] = {
    "default": (),
    "validation in mid-epoch, averaged weights": (
        "trainer.val_check_interval=2",
        "+callbacks.average={_target_: pytorch_lightning.callbacks.EMAWeightAveraging, decay: 0.9}",
    ),
    "accumulated gradients": ("trainer.accumulate_grad_batches=2", "callbacks.resume.every_n_steps=1"),
    "two workers": ("data.num_workers=2",),
    "drawn captions, dropout": (
        "model/decoder=transformer",
        "generation=sample",
        "model.decoder.dropout=0.3",
        "model.latents.dropout=0.2",
        "model/scheduler=constant",
    ),
    "two processes": ("trainer.devices=2", "trainer.strategy=ddp_fork", "data.batch_size=2"),
}
"""Settings of runs that differ in what an interruption may spoil."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.faults.child"])


@dataclass
class Outcome:
    """What was found of a run that was killed and went on, perhaps several times.

    Attributes:
        kills: How often it was killed.
        steps: Training batches that were compared with the run that was not killed, repeated ones included.
        differing: What was not the same, bit for bit.
    """

    kills: int = 0
    steps: int = 0
    differing: list[str] = field(default_factory=list)


class Reference:
    """A run that nothing happens to.

    Args:
        folder: For this run, and those that are compared with it.
        variant: One of `VARIANTS`.
    """

    def __init__(self, folder: Path, variant: str) -> None:
        self.folder = folder
        self.settings = (*BASE, *VARIANTS[variant])
        self.processes = 2 if variant == "two processes" else 1
        # a killed child makes its parent fail
        self.killed_code = -signal.SIGKILL if self.processes == 1 else 1
        self.run_dir = folder / "reference"
        assert run(self.run_dir, self.settings) == 0, log_of(self.run_dir).read_text()
        self.num_events = int((self.run_dir / f"0-{EVENTS}").read_text()) + 3

    def killed(self, name: str, draw: random.Random, *, most_kills: int) -> Outcome:
        """Kill a run at random events, the last time it is let through; compare."""
        run_dir, outcome = self.folder / name, Outcome()
        while True:
            at = draw.randint(1, self.num_events) if outcome.kills < most_kills else None
            started = (run_dir / "config.yaml").exists()
            code = run(run_dir, self.settings, resume=started, **dying(at))
            if code == 0:
                break
            assert (at is not None, code) == (True, self.killed_code), log_of(run_dir).read_text()
            outcome.kills += 1
        outcome.steps, outcome.differing = compare(self.run_dir, run_dir, processes=self.processes)
        shutil.rmtree(run_dir)
        return outcome


def run(
    run_dir: Path,
    settings: Sequence[str] = (),
    *,
    resume: bool = False,
    most_bytes_a_file: int | None = None,
    **env: str,
) -> int:
    """Train in another process, with these environment variables; return its exit code."""
    process = _context.Process(target=train, args=(run_dir, settings, resume, env, most_bytes_a_file))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def dying(at: int | None, number: signal.Signals = signal.SIGKILL) -> dict[str, str]:
    """Return the environment in which a run sends itself a signal at an event, counted from 1."""
    return {} if at is None else {AT: str(at), SIGNAL: str(int(number))}


def compare(reference: Path, run_dir: Path, *, processes: int = 1) -> tuple[int, list[str]]:
    """Return how many training batches were compared, and which things of two runs differ."""
    compared, differing = 0, []
    for rank in range(processes):
        wanted, found = read_losses(reference, rank), read_losses(run_dir, rank)
        expected = dict(wanted)
        compared += len(found)
        differing += [f"rank {rank}, step {step}: {rest}" for step, rest in found if expected.get(step) != rest]
        differing += [f"rank {rank}, step {step}: missing" for step in expected if step not in dict(found)]
        if (reference / f"{rank}-{END}").read_text() != (run_dir / f"{rank}-{END}").read_text():
            differing.append(f"rank {rank}: the end")
    return compared, differing


def read_losses(run_dir: Path, rank: int = 0) -> list[tuple[str, str]]:
    """Return (step, loss with all else that was written down of it), in the order of training."""
    lines = (run_dir / f"{rank}-{LOSSES}").read_text().splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]
