"""The jobs of a sweep: a record of each while it runs, and one table of all."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.table import Table

from utils.files import atomic_write_text

RECORDS = ".jobs"  # the folder of a sweep that holds a record of each job
UNFINISHED = "unfinished"  # runs, was interrupted, or was killed
FAILED = "failed"
FINISHED = "finished"


@dataclass(frozen=True)
class JobRecord:
    """What is known of one job.

    Attributes:
        number: Its number in the sweep, which is also its folder's name unless `hydra.sweep.subdir` says otherwise.
        folder: Its run directory.
        overrides: The settings that it was started with, by key.
        status: `unfinished`, `failed` or `finished`.
        metric_name: What the sweep compares its jobs by, if anything.
        metric: Its value.
        seconds: How long the job took.
        error: What went wrong, in one line.
    """

    number: int
    folder: str
    overrides: dict[str, str]
    status: str = UNFINISHED
    metric_name: str | None = None
    metric: float | None = None
    seconds: float | None = None
    error: str = ""

    @classmethod
    def read_all(cls, sweep: Path) -> list[Self]:
        """Return the records of a sweep's folder, by number."""
        paths = (sweep / RECORDS).glob("*.json")
        records = [cls(**json.loads(path.read_text(encoding="utf-8"))) for path in paths]
        return sorted(records, key=lambda record: record.number)

    def finished(self, metric: float | None, seconds: float) -> Self:
        return replace(self, status=FINISHED, metric=metric, seconds=seconds)

    def failed(self, error: str, seconds: float) -> Self:
        return replace(self, status=FAILED, error=error, seconds=seconds)

    def write(self, sweep: Path) -> None:
        """Write the record, and the sweep's table anew: whatever happens to the other jobs, this one is in it."""
        atomic_write_text(sweep / RECORDS / f"{self.number}.json", json.dumps(asdict(self)))
        write_tables(sweep)


def write_tables(sweep: Path) -> None:
    """Write `sweep.csv`, with all that is known, and `sweep.md`, with what differs between the jobs."""
    records = JobRecord.read_all(sweep)
    keys = list(dict.fromkeys(key for record in records for key in record.overrides))
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["job", "status", metric_name(records), "seconds", "folder", "error", *keys])
    for record in records:
        known = (record.number, record.status, record.metric, record.seconds, record.folder, record.error)
        rows.writerow([*known, *(record.overrides.get(key) for key in keys)])
    atomic_write_text(sweep / "sweep.csv", text.getvalue())

    header, cells = readable(records)
    lines = [header, ["---"] * len(header), *([cell.replace("|", "\\|") for cell in row] for row in cells)]
    atomic_write_text(sweep / "sweep.md", "".join(f"| {' | '.join(line)} |\n" for line in lines))


def print_table(sweep: Path, records: Sequence[JobRecord]) -> None:
    """Print what differs between the jobs, and where the table is."""
    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    header, cells = readable(records)
    table = Table(*header, title=f"Sweep of {len(records)} jobs", title_justify="left")
    for row in cells:
        table.add_row(*row)
    console.print(table, highlight=True)
    console.print(f"table: {sweep / 'sweep.csv'}")


def readable(records: Sequence[JobRecord]) -> tuple[list[str], list[list[str]]]:
    """Return a header, and a row for each job: number, status, metric, time, what differs, and errors if there are."""
    keys = varied(records)
    errors = ["error"] if any(record.error for record in records) else []
    rows = [
        [
            str(record.number),
            record.status,
            "-" if record.metric is None else f"{record.metric:.4f}",
            "-" if record.seconds is None else f"{record.seconds:.0f} s",
            *(record.overrides.get(key, "-") for key in keys),
            *([record.error] if errors else []),
        ]
        for record in records
    ]
    return ["job", "status", metric_name(records), "time", *keys, *errors], rows


def varied(records: Sequence[JobRecord]) -> list[str]:
    """Return the keys whose values differ between the jobs; all of them where there is one job."""
    keys = dict.fromkeys(key for record in records for key in record.overrides)
    if len(records) < 2:
        return list(keys)
    return [key for key in keys if len({record.overrides.get(key) for record in records}) > 1]


def metric_name(records: Sequence[JobRecord]) -> str:
    return next((record.metric_name for record in records if record.metric_name), "metric")
