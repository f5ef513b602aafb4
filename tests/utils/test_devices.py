import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_run import ROOT
from utils import devices
from utils.devices import cpu_flags, native_bfloat16

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


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu avx2 fma", None),
        ("fpu avx2 avx512f avx512_bf16", "AVX512-BF16"),
        ("avx512_bf16 amx_tile amx_bf16", "AMX"),
        ("my_avx512_bf16_not", None),
    ],
)
def test_bfloat16_of_a_cpu(flags: str, expected: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor\t: 0\nflags\t\t: {flags}\n\nprocessor\t: 1\nflags\t\t: amx_bf16\n")
    monkeypatch.setattr(devices, "cpu_flags", lambda: cpu_flags(info))
    assert native_bfloat16("cpu") == expected


@pytest.mark.parametrize(("capability", "has"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_bfloat16_of_a_gpu(capability: tuple[int, int], has: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda: capability)
    assert (native_bfloat16("cuda") is not None) == has


def test_other_systems_and_devices_are_not_known(tmp_path: Path) -> None:
    assert cpu_flags(tmp_path / "none") == frozenset()
    assert native_bfloat16("mps") is None
