"""Ends a run that was asked to stop, and says how to go on with it."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from pytorch_lightning import Trainer
from pytorch_lightning.utilities import rank_zero_only
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch.multiprocessing import ProcessExitedException

from launch.resuming import NEWEST_FIRST
from utils.lightning_internals import launcher_of_forks
from utils.shell import hydra_command

STOPPED_BY_SIGTERM, STOPPED_BY_CTRL_C = 128 + signal.SIGTERM, 128 + signal.SIGINT
ASKED_BY = {STOPPED_BY_SIGTERM: "SIGTERM", STOPPED_BY_CTRL_C: "Ctrl-C"}


@contextmanager
def ending_when_stopped(trainer: Trainer) -> Iterator[None]:
    """Turn what a signal raises in training or test into a line that says how to go on, and an exit code.

    Raises:
        SystemExit: The run was asked to stop.
    """
    try:
        with _passing_signals_on(trainer):
            yield
    except SystemExit as stop:
        if isinstance(stop, SIGTERMException):
            code = int(stop.code or STOPPED_BY_SIGTERM)  # Lightning's own has none
        elif isinstance(stop.__context__, KeyboardInterrupt):  # Lightning's answer, without callbacks that save
            code = STOPPED_BY_CTRL_C
        else:
            raise
        _tell_how_to_go_on(trainer, code)
        # Lightning would kill the first process if another one ended with an error
        raise SystemExit(code if trainer.is_global_zero else 0) from None


@rank_zero_only
def _tell_how_to_go_on(trainer: Trainer, code: int) -> None:
    saved = any((Path(trainer.default_root_dir) / "checkpoints" / name).is_file() for name in NEWEST_FIRST)
    advice = "go on with" if saved else "there is no checkpoint; start it again with"
    command = hydra_command("train.py", resume=trainer.default_root_dir)
    print(f"stopped by {ASKED_BY.get(code, 'a signal')} at step {trainer.global_step}; {advice}: {command}", flush=True)


@contextmanager
def _passing_signals_on(trainer: Trainer) -> Iterator[None]:
    """Let processes that are forks of this one, or that it has spawned, stop as well, and wait for them.

    They receive SIGTERM, perhaps twice, also where this one receives Ctrl-C, which a terminal sends to all.

    Raises:
        SIGTERMException: They were asked to stop.
    """
    launcher = launcher_of_forks(trainer)
    if launcher is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        if not launcher.procs or (number == signal.SIGINT and number in received):
            for process in launcher.procs:
                process.kill()
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        received.append(number)
        for process in launcher.procs:
            if process.is_alive() and process.pid is not None:
                os.kill(process.pid, signal.SIGTERM)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except ProcessExitedException as error:
        if not received and error.exit_code not in ASKED_BY:
            raise
        raise SIGTERMException(128 + received[0] if received else error.exit_code) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        raise SIGTERMException(128 + received[0])
