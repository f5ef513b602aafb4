"""What devices there are, what they compute natively, and how they keep memory."""

import ctypes
import sys
from pathlib import Path

import torch

BFLOAT16_OF_CPU = {"amx_bf16": "AMX", "avx512_bf16": "AVX512-BF16"}
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of <malloc.h>


def keep_freed_memory() -> bool:
    """Tell the C library to reuse the memory of large tensors, for training on a CPU; return whether it took it.

    By default it maps each large tensor anew, and the system clears every page of it: with a vocabulary of thousands
    of words that was more than a third of a training step. Does nothing where the C library is not glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(M_MMAP_MAX, 0)) and bool(mallopt(M_TRIM_THRESHOLD, -1))


def check_device(device: str, option: str) -> None:
    """Raise a `ValueError` that names the option unless something can be computed on the device."""
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{option}: expected one that is here, such as cpu or cuda ({reason})") from error


def native_bfloat16(device: str) -> str | None:
    """Return why bfloat16 is fast on a kind of device, in words; None where it is computed by other types, slowly.

    Matrix products in bfloat16 were about a hundred times slower than in float32 on a CPU with AVX2 alone.

    Args:
        device: `cuda` or `cpu`.
    """
    if device == "cuda":
        capability = torch.cuda.get_device_capability()
        return f"CUDA capability {capability[0]}.{capability[1]}" if capability >= (8, 0) else None
    found = [name for flag, name in BFLOAT16_OF_CPU.items() if flag in cpu_flags()]
    return found[0] if device == "cpu" and found else None


def cpu_flags(file: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Return the instruction sets of the first CPU, as Linux names them; none on other systems."""
    if not file.is_file():
        return frozenset()
    lines = [line for line in file.read_text().splitlines() if line.startswith("flags")]
    return frozenset(lines[0].partition(":")[2].split()) if lines else frozenset()
