"""Listens to the system's wish to stop a run, until the run has come to a good place."""

import signal
import threading
from types import FrameType
from typing import Any

from pytorch_lightning.plugins.environments import SLURMEnvironment


class StopSignals:
    """Remembers signals that Lightning would act on in the middle of a step.

    SIGTERM asks to stop. On SLURM, SIGUSR1 asks Lightning to save and to put the job in the queue again.

    Attributes:
        stop: Whether to stop.
        requeue: Whether to put the job in the queue again.
    """

    def __init__(self) -> None:
        self.stop = False
        self.requeue = False
        self._lightnings: Any = None

    def listen(self) -> None:
        """Take the place of Lightning's handlers, which it removes itself at the end of training."""
        if threading.current_thread() is not threading.main_thread():
            return
        signal.signal(signal.SIGTERM, self._on_stop)
        handler = signal.getsignal(signal.SIGUSR1)
        if SLURMEnvironment.detect() and callable(handler):
            self._lightnings = handler
            signal.signal(signal.SIGUSR1, self._on_requeue)

    def obey_at_once(self) -> None:
        """Let SIGTERM end the process at once, where there is nothing to save."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def requeue_now(self) -> None:
        """Let Lightning do what it does on SIGUSR1."""
        self.requeue = False
        if self._lightnings is not None:
            self._lightnings(signal.SIGUSR1, None)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop = True

    def _on_requeue(self, number: int, frame: FrameType | None) -> None:
        self.requeue = True
