"""Runs scripts as a user does: in a process of their own."""

import os
import signal
import subprocess
import sys
import time
from typing import NamedTuple

from tests.tiny_run import ROOT


class Finished(NamedTuple):
    """A script that has ended."""

    code: int
    output: str
    errors: list[str]
    seconds: float


def run_script(script: str, *arguments: str, timeout: float = 600) -> Finished:
    """Run a script of the repository's root, without a GPU and with one thread; `errors` are its `error: …` lines."""
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    for name in [name for name in env if name.startswith("PL_") or name in ("LOCAL_RANK", "EAGER_IMPORT")]:
        del env[name]
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / script), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=env,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # the processes that it started, too
        raise
    errors = [line for line in output.splitlines() if line.startswith("error: ")]
    return Finished(process.returncode, output, errors, time.perf_counter() - start)
