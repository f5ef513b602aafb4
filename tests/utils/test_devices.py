import platform
import subprocess
import sys

import pytest

from tests.tiny_run import ROOT

COUNT_PAGE_FAULTS = """
import resource, sys, torch
from utils.devices import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def step():
    ones = torch.ones(20_000_000)
    return ones.exp() + 2 * ones
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_steps_reuse_the_memory_of_large_tensors() -> None:
    faults = {}
    for mode in ("keep", "as it is"):
        command = [sys.executable, "-c", COUNT_PAGE_FAULTS, mode]
        finished = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
        faults[mode] = int(finished.stdout)
    assert faults["keep"] < 0.4 * faults["as it is"]
