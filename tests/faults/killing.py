"""Training runs that are really killed or stopped, in processes that are forks of one that has imported everything."""

import itertools
import json
import multiprocessing
import random
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from zlib import crc32

from tensorboard.backend.event_processing.event_accumulator import IMAGES, TENSORS, EventAccumulator

from launch.resuming import first_step_made_again
from lightning_modules.checkpoints.durable_io import read_intact
from tests.faults.child import log_of, train
from tests.faults.witness import AT, END, EVENTS, LOSSES, SIGNAL
from tests.tiny_run import WITHOUT_PICTURES, scalars

Points = dict[str, list[tuple[int, object]]]
OF_VALIDATIONS = {"best", "stopping", "logged"}  # parts of a run's end

EARLY_STOPPING = (
    "+callbacks.early_stopping={_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: val/loss, patience: 9}"
)
BASE = (
    "data.num_train=23",
    "data.batch_size=4",
    "data.num_val=5",
    "trainer.max_epochs=3",
    "callbacks.resume_checkpoints.every_n_steps=2",
    "trainer.limit_test_batches=1",
    EARLY_STOPPING,
    *WITHOUT_PICTURES,
)
VARIANTS: dict[str, tuple[str, ...]] = {
    "default": (),
    "validation in mid-epoch, averaged weights": (
        "trainer.val_check_interval=2",
        "+callbacks.average={_target_: pytorch_lightning.callbacks.EMAWeightAveraging, decay: 0.9}",
    ),
    "accumulated gradients": ("trainer.accumulate_grad_batches=2", "callbacks.resume_checkpoints.every_n_steps=1"),
    "two workers": ("data.num_workers=2",),
    "drawn captions, dropout": (
        "model/decoder=transformer",
        "generation=sample",
        "model.decoder.dropout=0.3",
        "model.latents.dropout=0.2",
        "model/scheduler=constant",
    ),
    "by steps": ("trainer.max_epochs=-1", "trainer.max_steps=13", "trainer.limit_train_batches=0.7"),
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
        settings: As on the command line.
        processes: That train it.
    """

    def __init__(self, folder: Path, settings: Sequence[str], *, processes: int = 1) -> None:
        self.folder = folder
        self.settings = tuple(settings)
        self.processes = processes
        self.run_dir = folder / "reference"
        assert run(self.run_dir, self.settings) == 0, log_of(self.run_dir).read_text()
        self.num_events = int((self.run_dir / f"0-{EVENTS}").read_text()) + 3
        self.num_batches = len(read_losses(self.run_dir))

    @classmethod
    def of(cls, folder: Path, variant: str) -> Self:
        """Return the reference of one of `VARIANTS`."""
        return cls(folder, (*BASE, *VARIANTS[variant]), processes=2 if variant == "two processes" else 1)

    def killed(
        self, name: str, draw: random.Random, *, most_kills: int, signals: Sequence[signal.Signals] = (signal.SIGKILL,)
    ) -> Outcome:
        """Kill a run, or ask it to stop, at random events, the last time it is let through; compare."""
        run_dir, outcome = self.folder / name, Outcome()
        while True:
            at = draw.randint(1, self.num_events) if outcome.kills < most_kills else None
            number = draw.choice(signals)
            started = (run_dir / "config.yaml").exists()
            code = run(run_dir, self.settings, resume=started, **dying(at, number))
            if code == 0:
                break
            assert (at is not None, code in self._codes(number)) == (True, True), log_of(run_dir).read_text()
            assert "Traceback" not in log_of(run_dir).read_text() or number == signal.SIGKILL, log_of(run_dir)
            outcome.kills += 1
        outcome.steps, outcome.differing = compare(self.run_dir, run_dir, processes=self.processes)
        but = ("test/", "final/", "epoch") * (self.processes > 1)
        outcome.differing += differing_points(points_of(self.run_dir), points_of(run_dir), but=but)
        shutil.rmtree(run_dir)
        return outcome

    def prolonged(self, name: str, limits: Sequence[str], *, validated: bool = False) -> Outcome:
        """End a run before the reference's end, and go on from its last checkpoint in another folder; compare.

        Args:
            name: Of the folder.
            limits: Settings that end it.
            validated: Whether the end is validated, where nothing would have been: then what depends on the figures
                of validations differs, the best weights and their test too, and training alone is compared.
        """
        short, run_dir = self.folder / f"{name}-short", self.folder / name
        assert run(short, [*self.settings, *limits, "test=false"]) == 0, log_of(short).read_text()
        last = short / "checkpoints" / "last.ckpt"
        if len(read_losses(short)) >= self.num_batches or not last.exists():  # it came to the same end, or to no step
            shutil.rmtree(short)
            return Outcome()
        assert run(run_dir, [*self.settings, f"ckpt_path={last}"]) == 0, log_of(run_dir).read_text()
        for rank in range(self.processes):
            made, again = (read_losses(folder, rank) for folder in (short, run_dir))
            kept = itertools.takewhile(lambda line, first=again[0][0]: line[0] != first, made)
            lines = "".join(f"{step} {rest}\n" for step, rest in [*kept, *again])
            (run_dir / f"{rank}-{LOSSES}").write_text(lines)
        outcome = Outcome(1, *compare(self.run_dir, run_dir, processes=self.processes, trained_alone=validated))
        points = joined(points_of(short), points_of(run_dir), first_step_made_again(read_intact(last)))
        but = ("final/", *("val/", "test/", "epoch") * validated, *("test/",) * (self.processes > 1))
        outcome.differing += differing_points(points_of(self.run_dir), points, but=but)
        shutil.rmtree(run_dir)
        shutil.rmtree(short)
        return outcome

    def _codes(self, number: signal.Signals) -> tuple[int, ...]:
        """Return the exit codes that a signal may lead to: a killed child makes its parent fail."""
        if number == signal.SIGKILL:
            return (-number if self.processes == 1 else 1,)
        return (128 + number, -number)  # while nothing is to be saved, the system ends the process


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


def compare(
    reference: Path, run_dir: Path, *, processes: int = 1, trained_alone: bool = False
) -> tuple[int, list[str]]:
    """Return how many training batches were compared, and which things of two runs differ."""
    compared, differing = 0, []
    for rank in range(processes):
        wanted, found = read_losses(reference, rank), read_losses(run_dir, rank)
        expected = dict(wanted)
        compared += len(found)
        differing += [f"rank {rank}, step {step}: {rest}" for step, rest in found if expected.get(step) != rest]
        differing += [f"rank {rank}, step {step}: missing" for step in expected if step not in dict(found)]
        end, found_end = (json.loads((folder / f"{rank}-{END}").read_text()) for folder in (reference, run_dir))
        parts = end.keys() - (OF_VALIDATIONS if trained_alone else set())
        differing += [f"rank {rank}, the end: {part}" for part in parts if end[part] != found_end[part]]
    return compared, differing


def differing_points(wanted: Points, found: Points, *, but: Sequence[str] = ()) -> list[str]:
    """Return which of TensorBoard's points differ, are missing or are there twice, but for some beginnings of names."""
    names = sorted(name for name in wanted.keys() | found.keys() if not name.startswith(tuple(but)))
    return [f"TensorBoard, {name}: {found.get(name)}" for name in names if found.get(name) != wanted.get(name)]


def joined(first: Points, second: Points, start: int) -> Points:
    """Return the points of the first run before a step, and all of the second."""
    before = {name: [point for point in points if point[0] < start] for name, points in first.items()}
    both = {name: [*before.get(name, []), *second.get(name, [])] for name in before | second}
    return {name: points for name, points in both.items() if points}


def points_of(run_dir: Path) -> Points:
    """Return TensorBoard's points by name: step, and value or checksum of the content.

    Its reader in Python leaves texts that a later file hides; equal ones of one step are taken for one.
    """
    events = EventAccumulator(str(run_dir / "tensorboard"), size_guidance=dict.fromkeys((IMAGES, TENSORS), 0)).Reload()
    points: Points = {**scalars(events)}
    for name in events.Tags()["images"]:
        points[name] = [(event.step, crc32(event.encoded_image_string)) for event in events.Images(name)]
    for name in events.Tags()["tensors"]:
        if not name.startswith("_hparams_"):
            texts = {(event.step, crc32(event.tensor_proto.SerializeToString())) for event in events.Tensors(name)}
            points[name] = sorted(texts)
    return points


def read_losses(run_dir: Path, rank: int = 0) -> list[tuple[str, str]]:
    """Return (step, loss with all else that was written down of it), in the order of training."""
    lines = (run_dir / f"{rank}-{LOSSES}").read_text().splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]
