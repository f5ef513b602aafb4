"""A file that grows line by line, and that a later run goes on with."""

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar


class JsonLines(ABC):
    """JSON Lines of one run: each line begins with the run's fingerprint.

    Lines of another run are left alone: the file is refused.

    Args:
        path: The file; gone on with if it is there, less a last line that was cut short.
        run: This run's fingerprint.

    Attributes:
        script: Who writes such files.
        noun: What each line is of.
        done: What the file had lines of before.

    Raises:
        ValueError: The file has a line of another run, or one that is none of the script's.
    """

    script: ClassVar[str]
    noun: ClassVar[str]

    def __init__(self, path: Path, run: str) -> None:
        self.path = path
        self.run = run
        self.done: set[str] = set()
        self.num_written = 0
        if path.exists():
            self._go_on()

    @property
    @abstractmethod
    def option(self) -> str:
        """The option that names the file with its value, as one writes it."""

    @abstractmethod
    def identify(self, record: Mapping[str, Any], number: int) -> str:
        """Return what a line is of, which has to be as it was when the line was written.

        Raises:
            KeyError, TypeError: It is no such line.
            ValueError: What it was written of is another now.
        """

    def append(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Write a line for each record."""
        with self.path.open("ab") as file:
            file.write("".join(f"{json.dumps({'run': self.run, **record})}\n" for record in records).encode())
        self.num_written += len(records)

    def finish(self) -> None:
        """Tell how many lines were written; no line at all is a result, too."""
        self.path.touch()
        print(f"{self.path}: {self.num_written} {self.noun} written", file=sys.stderr)

    def _go_on(self) -> None:
        """Read what is done, and cut off a torn last line."""
        whole = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    self._refuse_foreign_end(line, number)
                    break
                self.done.add(self._read(line, number))
                whole += len(line)
        if whole < self.path.stat().st_size:
            with self.path.open("r+b") as file:
                file.truncate(whole)
        print(f"{self.path}: goes on after {len(self.done)} {self.noun} that are there already", file=sys.stderr)

    def _read(self, line: bytes, number: int) -> str:
        try:
            record = json.loads(line)
            run = record["run"]
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(self._foreign(number)) from error
        if run != self.run:
            raise ValueError(
                f"{self.option}: line {number} was written by another run ({run}, this one is {self.run}): another "
                f"checkpoint, other settings, another seed or other versions of libraries; name another file, or run "
                f"with the same again"
            )
        try:
            return self.identify(record, number)
        except (KeyError, TypeError) as error:
            raise ValueError(self._foreign(number)) from error

    def _refuse_foreign_end(self, line: bytes, number: int) -> None:
        """Raise a `ValueError` unless a line without end may be the start of one of this run."""
        start = f'{{"run": "{self.run}", '.encode()
        if not line.startswith(start) and not start.startswith(line):
            raise ValueError(self._foreign(number))

    def _foreign(self, number: int) -> str:
        return f"{self.option}: line {number} was not written by this run of {self.script}; name another file"
