"""Random numbers that follow from what they are for, not from what was drawn before.

A run that was interrupted goes on with the same ones, on any number of worker processes.
"""

import hashlib
import os
import random

import numpy as np
import torch


def run_seed() -> int:
    """Return the run's seed, which Lightning's `seed_everything` keeps in the environment; 0 without it."""
    return int(os.environ.get("PL_GLOBAL_SEED", "0"))


def derive_seed(*parts: int | str) -> int:
    """Return a seed of 63 bits that belongs to these numbers and names alone."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def seed_cpu(seed: int) -> None:
    """Seed the generators of Python, NumPy and PyTorch's CPU."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)
