"""Random numbers that follow from what they are for, not from what was drawn before.

A run that was interrupted goes on with the same ones, on any number of worker processes.
"""

import hashlib
import os
import random
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor


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


Generators = Sequence[torch.Generator]
"""One for each image of a batch."""

SEED_STRIDE = 1_000_003  # more than there are images, commonly: runs of two seeds share no image's random numbers
FOR_CAPTIONS, FOR_LOSS = (
    0,
    0x9E3779B9,
)  # what is drawn for; PyTorch's generators on a CPU look at the last 32 bits of a seed


def generators_of(seeds: Iterable[int]) -> list[torch.Generator]:
    """Return a generator for each image, seeded with its own number.

    All are on the CPU, so that what is drawn is the same on every device.
    """
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def generators_of_images(seed: int, image_ids: Iterable[int], purpose: int = FOR_CAPTIONS) -> list[torch.Generator]:
    """Return a generator for each image of a data set; what it draws depends on the seed, its id and the purpose alone.

    Validation, test and `evaluate.py` draw from these, so that one seed gives the same captions, and so the same
    figures, in any batch and on any process.

    Args:
        seed: Of the run or the evaluation.
        image_ids: The data set's numbers of the images.
        purpose: `FOR_CAPTIONS` captions, or `FOR_LOSS`.
    """
    return generators_of(((SEED_STRIDE * seed + image_id) ^ purpose) % 2**63 for image_id in image_ids)


def of_captions(generators: Generators | None, image_of_caption_N: Tensor) -> Generators | None:
    """Return for each caption the generator of its image, from which the image's captions draw one after the other."""
    return None if generators is None else [generators[row] for row in image_of_caption_N.tolist()]


def random_rows(draw: Callable[..., Tensor], like: Tensor, generators: Generators | None) -> Tensor:
    """Draw random numbers in the shape of a tensor whose rows stand image by image, equally many of each.

    Args:
        draw: `torch.randn`, `torch.rand` or the like.
        like: Gives shape, type and device.
        generators: One for each image; None for PyTorch's own, which all share.
    """
    if generators is None:
        return draw(like.shape, dtype=like.dtype, device=like.device)
    each, rest = divmod(len(like), len(generators))
    assert not rest, f"{len(like)} rows of {len(generators)} images"
    shape = (each, *like.shape[1:])
    rows = [draw(shape, generator=generator, dtype=like.dtype, device=generator.device) for generator in generators]
    return torch.cat(rows).to(like.device)
