"""Runs a function on two processes that can exchange tensors: forks, which start at once and need nothing pickled."""

import datetime
import multiprocessing
import os
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

NUM_PROCESSES = 2
TIMEOUT = 20  # seconds that one waits for the other before it gives up


def on_two_processes(job: Callable[[int], Any], folder: Path) -> list[Any]:
    """Return what `job(rank)` returns on each of two processes.

    Args:
        job: What to run; its result is tensors, numbers and containers of these.
        folder: An empty one.

    Raises:
        AssertionError: A process failed, or one waited for the other in vain.
    """
    context = multiprocessing.get_context("fork")
    folder.mkdir(parents=True, exist_ok=True)
    processes = [context.Process(target=_run, args=(job, rank, folder), daemon=True) for rank in range(NUM_PROCESSES)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's, of forks of a process with threads
        for process in processes:
            process.start()
    for process in processes:
        process.join(2 * TIMEOUT)
    hung = [process for process in processes if process.is_alive()]
    for process in hung:
        process.kill()
    errors = [path.read_text() for path in sorted(folder.glob("*.error"))]
    assert not hung, f"hung: {errors}"
    assert not errors, "\n".join(errors)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(NUM_PROCESSES)]


def _run(job: Callable[[int], Any], rank: int, folder: Path) -> None:
    try:
        dist.init_process_group(
            "gloo",
            init_method=f"file://{folder / 'rendezvous'}",
            rank=rank,
            world_size=NUM_PROCESSES,
            timeout=datetime.timedelta(seconds=TIMEOUT),
        )
        torch.save(job(rank), folder / f"{rank}.pt")
        if dist.is_initialized():  # unless the job has
            dist.destroy_process_group()
    except BaseException:
        (folder / f"{rank}.error").write_text(traceback.format_exc())
    os._exit(0)  # without what the test's own process would do at its end
