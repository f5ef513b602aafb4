"""What benchmarks share: seconds of the CPU, peaks of memory, tables, and figures in a file."""

import argparse
import json
import platform
import re
import resource
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from utils.files import atomic_write_text

ROOT = Path(__file__).resolve().parent.parent
MACHINE = platform.processor() or platform.machine()
Result = TypeVar("Result")


def parser_with_out(description: str, out: str) -> argparse.ArgumentParser:
    """Return a parser that knows where the figures go: `--out`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, default=Path(out), help=f"where to write the figures as JSON ({out})")
    return parser


def cpu_seconds(job: Callable[[], Result]) -> tuple[float, Result]:
    """Run a job; return its CPU seconds, of all threads and of child processes that have ended, and its result.

    Other work on the machine hardly changes them, unlike seconds of the clock.
    """
    before = _spent()
    result = job()
    return _spent() - before, result


def _spent() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def in_turn(jobs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return the CPU seconds of each job in each round, in which all run one after the other."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            seconds[name].append(cpu_seconds(job)[0])
    return seconds


def peak_bytes() -> int:
    """Return the most memory that this process has had resident so far, on Linux without that of its starter."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text()) if status.exists() else None
    return 1024 * int(found[1]) if found else peak_of(resource.getrusage(resource.RUSAGE_SELF))


def peak_of(usage: resource.struct_rusage) -> int:
    """Return the most memory, in bytes, that a process has had resident."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> None:
    """Print cells as a table."""
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def write_figures(path: Path, figures: object) -> None:
    """Write figures as JSON, and say where."""
    atomic_write_text(path, json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    print(f"figures: {path}")
