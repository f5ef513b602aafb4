"""Carries out random runs: train, test, evaluate the best checkpoint, caption two files; each in its own process."""

import contextlib
import json
import math
import multiprocessing
import os
import signal
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch looks

import torch

import caption
import evaluate
import train
from tests.random_runs.drawing import RandomRun
from tests.random_runs.materials import Materials
from tests.tiny_run import compose_tiny, hydra_job, read_events, scalars

FINISHED, REFUSED, TRACEBACK, HANG, DIFFERS = "finished", "refused", "traceback", "hang", "differs"
TOLERANCE = 1e-6  # relative: TensorBoard keeps 32 bits
QUICK = ("num_images=null", "gallery.num_images=1", "trade_off.num_images=0", "exploration.num_images=0", "meteor=no")

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.random_runs.running"])


@dataclass
class Outcome:
    """What became of a run.

    Attributes:
        kind: `finished`, `refused` (one line, before or instead of a result), `traceback`, `hang` or `differs`.
        stage: `train`, `evaluate` or `caption`: where it ended.
        message: The line that it was refused with, the end of the traceback, or what differs.
        compared: How many figures of train.py and evaluate.py were compared.
    """

    kind: str
    stage: str = ""
    message: str = ""
    compared: int = 0


def carry_out(run: RandomRun, folder: Path, materials: Materials, *, timeout: float = 120.0) -> Outcome:
    """Do a run in another process; one that takes longer than `timeout` seconds is a hang, and is killed."""
    folder.mkdir(parents=True)
    process = _context.Process(target=_in_child, args=(run, folder, materials))
    process.start()
    process.join(timeout)
    if process.is_alive():
        assert process.pid is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.join()
        return Outcome(HANG, message=f"after {timeout:g} s; see {folder / 'log'}")
    found = folder / "outcome.json"
    if not found.exists():
        return Outcome(TRACEBACK, message=f"ended with exit code {process.exitcode}; see {folder / 'log'}")
    return Outcome(**json.loads(found.read_text()))


def _in_child(run: RandomRun, folder: Path, materials: Materials) -> None:
    os.setpgid(0, 0)  # so that its own processes can be killed with it
    with (folder / "log").open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    torch.set_num_threads(1)
    multiprocessing.set_start_method("fork", force=True)  # for the workers of loaders, as under train.py
    warnings.simplefilter("ignore")
    outcome = Outcome(FINISHED)
    try:
        outcome.compared = _stages(run, folder, materials, outcome)
    except SystemExit as error:
        outcome.kind, outcome.message = _of_exit(error, folder)
    except _DifferenceError as error:
        outcome.kind, outcome.message = DIFFERS, str(error)
    except BaseException as error:
        outcome.kind = TRACEBACK
        outcome.message = " | ".join(traceback.format_exception(error))[-600:]
        traceback.print_exception(error)
    (folder / "outcome.json").write_text(json.dumps(asdict(outcome)))


class _DifferenceError(Exception):
    """Figures differ that should not."""


def _stages(run: RandomRun, folder: Path, materials: Materials, outcome: Outcome) -> int:
    """Train, evaluate and caption; return how many figures were compared."""
    outcome.stage = "train"
    with _job(folder / "run", run.settings, run.choices) as config:
        train.main(config)
    best, last = (folder / f"run/checkpoints/{name}.ckpt" for name in ("best", "last"))
    checkpoint = best if best.exists() else last
    if not checkpoint.exists():
        return 0
    outcome.stage = "evaluate"
    settings, choices = evaluation_of(run)
    with _job(folder / "report", [f"checkpoint={checkpoint}", *settings], choices, name="evaluate") as config:
        evaluate.main(config)
    compared = compare(run, folder) if checkpoint == best else 0
    outcome.stage = "caption"
    arguments = [checkpoint, *materials.images[:2], "--num", 2, "--json"]
    caption.main([str(argument) for argument in arguments])
    return compared


@contextlib.contextmanager
def _job(folder: Path, settings: Sequence[str], choices: Sequence[str], name: str = "train") -> Iterator[Any]:
    with hydra_job(compose_tiny(folder, *settings, choices=choices, name=name)) as config:
        yield config


def evaluation_of(run: RandomRun) -> tuple[list[str], list[str]]:
    """Return settings and choices of evaluate.py by which it computes what train.py's test did."""
    choices, settings = run.of_groups("data", "generation", "metrics", "seed")
    return [*settings, f"batch_size={run.value('data.batch_size')}", *QUICK], choices


def compare(run: RandomRun, folder: Path) -> int:
    """Compare the test figures of train.py with evaluate.py's; return how many there were.

    Raises:
        _DifferenceError: Some are not the same.
    """
    whole = run.value("trainer.limit_test_batches") is None and run.value("test")
    if not (whole and not run.value("trainer.fast_dev_run") and (folder / "run/tensorboard").is_dir()):
        return 0
    tested = {name.removeprefix("test/"): curve[-1][1] for name, curve in _curves(folder) if name.startswith("test/")}
    scores = json.loads((folder / "report/scores.json").read_text())
    common = [name for name in tested if name in scores]
    wrong = [
        f"{name}: train.py {tested[name]:.7g}, evaluate.py {scores[name]:.7g}"
        for name in common
        if not math.isclose(tested[name], scores[name], rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    ]
    if wrong:
        raise _DifferenceError("; ".join(wrong))
    return len(common)


def _curves(folder: Path) -> Any:
    return scalars(read_events(folder / "run/tensorboard")).items()


def _of_exit(error: SystemExit, folder: Path) -> tuple[str, str]:
    """Return kind and message of a script's own end: one line of an error, or something else."""
    if isinstance(error.code, str) and error.code.startswith("error: "):
        return REFUSED, error.code
    lines = (folder / "log").read_text(errors="replace").splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    if error.code in (0, None):
        return FINISHED, ""
    if errors and not any(line.startswith("Traceback") for line in lines):
        return REFUSED, errors[-1]
    return TRACEBACK, (lines or [f"exit code {error.code}"])[-1]
