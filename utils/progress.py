"""How far a task is, at which rate, and how long it has to go: a bar on a terminal, elsewhere a line now and then."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, TextIO

from tqdm import tqdm

EVERY = 10.0  # seconds from one line to the next, and to the first one: shorter tasks write none
SHARE = 0.1  # … but at least this share of the time so far, so that a long task's log stays short
LONGEST = 300.0  # seconds, at most
SHOWN_AFTER = 2.0  # seconds, for `delay`: where a task is short as a rule, and within others
TICK = 1.0  # seconds, from one look at the clock to the next
MOVE_UP = "\x1b[A"


def progress_bar(
    iterable: Iterable[Any] | None = None,
    *,
    desc: str,
    unit: str,
    total: int | None = None,
    stream: TextIO | None = None,
    **settings: Any,
) -> "tqdm[Any]":
    """Return a bar where somebody watches, and lines where a file or a pipe takes them.

    Args:
        iterable: What to go through; None for calls of `update`.
        desc: What is being done, in a few words.
        unit: What is counted.
        total: How many there are, if the iterable does not know.
        stream: Where it is written; stderr if left out.
        settings: Others of tqdm's.
    """
    stream = stream or sys.stderr
    kind = tqdm if stream.isatty() else LineProgress
    return kind(iterable, desc=desc, unit=unit, total=total, file=stream, **{"dynamic_ncols": True, **settings})


@contextmanager
def elapsed_time(desc: str, stream: TextIO | None = None) -> Iterator[None]:
    """Show for how long something has run that does not tell how far it is.

    Args:
        desc: What is being done, in a few words.
        stream: Where it is written; stderr if left out.
    """
    ended = Event()
    form = "{desc}: {elapsed}"
    with progress_bar(desc=desc, unit="s", stream=stream, bar_format=form, delay=SHOWN_AFTER, leave=False) as bar:

        def count() -> None:
            while not ended.wait(TICK):
                bar.update()

        clock = Thread(target=count, daemon=True)
        clock.start()
        try:
            yield
        finally:
            ended.set()
            clock.join()


def tell(text: str, stream: TextIO | None = None) -> None:
    """Write lines, above a bar where there is one; to stdout if not told otherwise."""
    tqdm.write(text, file=stream or sys.stdout)


class LineProgress(tqdm):
    """tqdm whose every status is a line of its own, and seldom.

    Args:
        args: As tqdm's.
        file: Where the lines go.
        settings: As tqdm's; its width and its place have no effect.
    """

    def __init__(self, *args: Any, file: TextIO, **settings: Any) -> None:
        lines = {"mininterval": EVERY, "miniters": 1, "delay": EVERY, "ncols": 0, "dynamic_ncols": False, "position": 0}
        all_settings: dict[str, Any] = {**settings, **lines, "file": _LineWriter(file)}
        super().__init__(*args, **all_settings)

    def refresh(self, *args: Any, **settings: Any) -> None:
        """Write a line if it is time for one."""
        if self.disable:
            return
        now = self._time()  # type: ignore[attr-defined] # tqdm's clock
        if now - self.last_print_t >= self.mininterval:
            super().refresh(*args, **settings)
            self.last_print_t = now
            self.last_print_n = self.n
            self.mininterval = min(max(EVERY, SHARE * (now - self.start_t)), LONGEST)

    def close(self) -> None:
        """Write a last line, unless the one before said the same."""
        if not self.disable:
            self.leave = self.leave and self.n != self.last_print_n
        super().close()


class _LineWriter:
    """Takes what tqdm writes to draw one status over another, and writes each as a line."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.last = ""

    def write(self, text: str) -> None:
        line = text.replace(MOVE_UP, "").strip()
        if line and line != self.last:
            self.stream.write(f"{line}\n")
            self.last = line

    def flush(self) -> None:
        self.stream.flush()
