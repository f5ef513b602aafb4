import platform
import subprocess
import sys

import pytest

from tests.tiny_run import ROOT

COUNT_PAGE_FAULTS = """
import resource, sys, torch
from memory_reuse import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
torch.ones(20_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    torch.ones(20_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_large_tensors_reuse_memory() -> None:
    faults = {}
    for mode in ("keep", "as it is"):
        command = [sys.executable, "-c", COUNT_PAGE_FAULTS, mode]
        finished = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
        faults[mode] = int(finished.stdout)
    assert faults["keep"] < 0.1 * faults["as it is"]
