"""Listens to the wish to stop a run, of the system or of the user, until the run has come to a good place."""

import os
import signal
import threading
from types import FrameType
from typing import Any

from pytorch_lightning.plugins.environments import SLURMEnvironment
from pytorch_lightning.utilities import rank_zero_only
from pytorch_lightning.utilities.exceptions import SIGTERMException

STOPS = (signal.SIGTERM, signal.SIGINT)
RECEIVED = (
    b"\nCtrl-C: the run saves a checkpoint after this step or validation and ends; Ctrl-C again ends it at once\n"
)


class StopSignals:
    """Remembers signals that Lightning would act on in the middle of a step.

    SIGTERM and Ctrl-C (SIGINT) ask to stop. On SLURM, SIGUSR1 asks Lightning to save and to put the job in the queue
    again. Processes that load images are forks of this one: they pay no heed to these signals, and can go on.

    Attributes:
        stop: Whether to stop.
        number: Of the signal that asked for it.
        requeue: Whether to put the job in the queue again.
    """

    def __init__(self) -> None:
        self.stop = False
        self.number = int(signal.SIGTERM)
        self.requeue = False
        self._lightnings: Any = None
        self._process = os.getpid()

    def listen(self) -> None:
        """Take the place of Lightning's handlers, which it removes itself at the end of training."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._process = os.getpid()
        signal.signal(signal.SIGTERM, self._on_stop)
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # ignored by a job in the background
            signal.signal(signal.SIGINT, self._on_stop)
        handler = signal.getsignal(signal.SIGUSR1)
        if SLURMEnvironment.detect() and callable(handler) and handler != self._on_requeue:
            self._lightnings = handler
            signal.signal(signal.SIGUSR1, self._on_requeue)

    def obey_at_once(self) -> None:
        """Let SIGTERM and Ctrl-C end the run at once, where there is nothing to save."""
        if threading.current_thread() is threading.main_thread():
            for number in STOPS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    signal.signal(number, self._end)

    def requeue_now(self) -> None:
        """Let Lightning do what it does on SIGUSR1."""
        self.requeue = False
        if self._lightnings is not None:
            self._lightnings(signal.SIGUSR1, None)

    def end(self) -> None:
        """Raise what ends a run that was asked to stop, with the exit code that shells give the signal."""
        raise SIGTERMException(128 + self.number)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            if self.stop and self.number == number:
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)
            if os.getpid() == self._process:
                _log_received()
        self.stop, self.number = True, number

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self.end()

    def _on_requeue(self, number: int, frame: FrameType | None) -> None:
        self.requeue = True


@rank_zero_only
def _log_received() -> None:
    os.write(2, RECEIVED)  # print() may not be called again while it is being called
