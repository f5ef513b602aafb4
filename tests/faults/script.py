"""Runs scripts as a user does: in a process of their own."""

import os
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


def run_script(script: str, *arguments: str, timeout: float = 300) -> Finished:
    """Run a script of the repository's root, without a GPU and with one thread; `errors` are its `error: …` lines."""
    env = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    for name in [name for name in env if name.startswith("PL_") or name == "LOCAL_RANK"]:
        del env[name]
    start = time.perf_counter()
    finished = subprocess.run(
        [sys.executable, str(ROOT / script), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=env,
        timeout=timeout,
        check=False,
    )
    errors = [line for line in finished.stdout.splitlines() if line.startswith("error: ")]
    return Finished(finished.returncode, finished.stdout, errors, time.perf_counter() - start)
