"""Keeps freed memory for the next training step instead of handing it back to the system."""

import ctypes
import sys

import torch

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
