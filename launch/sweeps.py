"""Sweeps (-m): a failed job is a line of the sweep's table, not the end of the other jobs.

Hydra's own way is to raise the first failure when all jobs of a batch are through, and to show nothing of the others.
"""

import functools
import math
import re
import sys
import time
import traceback
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from launch.run_folder import release_all
from launch.sweep_table import FINISHED, JobRecord, print_table
from utils.display import show_any_text
from utils.errors import cause_of, first_line, in_sweep, is_mistake, show_traceback
from utils.home_folder import refuse_bare_tilde
from utils.process_rank import first_process_only
from utils.shell import refuse_unreadable

Job = Callable[[DictConfig], float | None]

EXTRAS = {
    r"(hparams_search|hydra/sweeper)=optuna": "hydra-optuna-sweeper",
    r"hydra/launcher=(slurm|submitit_\w+)": "hydra-submitit-launcher",
}
"""Choices on the command line that need an installed package."""

_sweeps: list[Path] = []
"""The folder of the sweep that this process has started, if it has started one."""


class SweepStart(Callback):
    """Learns from Hydra where a sweep is."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        _sweeps.append(_folder_of_sweep(config.hydra))


def with_sweeps(script: Callable[..., Any]) -> Callable[..., Any]:
    """Let a Hydra script end a sweep with a table of all its jobs, and with exit code 1 if any failed.

    The table comes after Ctrl-C, too, which ends any script without a traceback. Goes around `hydra.main`; `recorded`
    goes inside.
    """

    @functools.wraps(script)
    def run(*args: Any) -> Any:
        show_any_text()
        refuse_bare_tilde(sys.argv[1:])
        refuse_missing_extras(sys.argv[1:])
        refuse_unreadable(Path(sys.argv[0]).name, sys.argv[1:])
        _sweeps.clear()
        try:
            result = script(*args)
        except KeyboardInterrupt:
            print("stopped by Ctrl-C", file=sys.stderr)
            raise SystemExit(130) from None
        finally:
            all_finished = conclude()
            release_all()
        if not all_finished:
            raise SystemExit(1)
        return result

    return run


def conclude() -> bool:
    """Print the table of the sweep, if there was one; return whether all of its jobs have finished."""
    if not _sweeps:
        return True
    records = JobRecord.read_all(_sweeps[-1])
    if records:
        print_table(_sweeps[-1], records)
    return all(record.status == FINISHED for record in records)


def recorded(job: Job) -> Job:
    """Let a job of a sweep leave a record, and a failed one nothing but that: it returns None, and the sweep goes on.

    None, which is also returned for a metric that is no number, is what Optuna counts as a failed trial.
    """

    @functools.wraps(job)
    def guarded(config: DictConfig) -> float | None:
        if not in_sweep():
            return job(config)
        record, start = _record(config), time.perf_counter()
        _write(record)
        try:
            metric = job(config)
        except Exception as error:
            _tell(record, error)
            _write(record.failed(_in_one_line(error), time.perf_counter() - start))
            return None
        _write(record.finished(metric, time.perf_counter() - start))
        return metric if metric is not None and math.isfinite(metric) else None

    return guarded


def _record(config: DictConfig) -> JobRecord:
    """Return the record of the job that Hydra is running, as it begins."""
    hydra = HydraConfig.get()
    overrides = (override.lstrip("+~").partition("=") for override in hydra.overrides.task)
    return JobRecord(
        number=hydra.job.num,
        folder=hydra.runtime.output_dir,
        overrides={key: value for key, _, value in overrides},
        metric_name=config.get("optimized_metric"),
    )


@first_process_only
def _write(record: JobRecord) -> None:
    record.write(_folder_of_sweep(HydraConfig.get()))


def _folder_of_sweep(hydra: Any) -> Path:
    return Path(hydra.runtime.cwd) / hydra.sweep.dir


def _tell(record: JobRecord, error: Exception) -> None:
    """Show what went wrong; a mistake of the user's in one line, anything else with its traceback."""
    if show_traceback() or not is_mistake(cause_of(error)):
        traceback.print_exception(error)
    print(f"error: job {record.number}: {_in_one_line(error)}", file=sys.stderr)


def _in_one_line(error: Exception) -> str:
    cause = cause_of(error)
    message = first_line(cause)
    return message if is_mistake(cause) else f"{type(cause).__name__}: {message}".removesuffix(": ")


def refuse_missing_extras(arguments: list[str]) -> None:
    """End with one line where the command line asks for a package that is not installed."""
    for pattern, package in EXTRAS.items():
        asking = [argument for argument in arguments if re.match(pattern, argument)]
        if asking and not is_installed(package):
            print(
                f"error: {asking[0]} needs the package {package}, which is not installed; "
                f"run: pip install {package} (or: uv sync --extra sweeps)",
                file=sys.stderr,
            )
            raise SystemExit(1)


def is_installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True
