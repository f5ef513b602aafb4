"""Random numbers that follow from what they are for, not from what was drawn before.

A run that was interrupted goes on with the same ones, on any number of worker processes.
"""

import hashlib
import os
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

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

Purpose = Literal["captions", "loss", "likelihood", "prior", "drawing"]
"""What random numbers of an image are for: one purpose takes none away from another."""


def generators_of(seeds: Iterable[int]) -> list[torch.Generator]:
    """Return a generator for each image, seeded with its own number.

    All are on the CPU, so that what is drawn is the same on every device.
    """
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def image_digests(images_BCHW: Tensor) -> list[str]:
    """Return a checksum of the pixels of each image as the model sees it: `uint8`, [B, C, H, W]."""
    return [hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest() for image in images_BCHW.cpu().numpy()]


def generators_of_images(
    seed: int, images: Iterable[str] | Iterable[int], purpose: Purpose = "captions"
) -> list[torch.Generator]:
    """Return a generator for each image; what it draws depends on the seed, the image and the purpose alone.

    Validation, test, `evaluate.py` and `caption.py` draw from these: one seed gives an image the same captions in any
    of them, in any batch and on any process.

    Args:
        seed: Of the run, the evaluation or the command.
        images: The digest of each image's pixels (`image_digests`), or its number where its features alone are at hand.
        purpose: What is drawn for.
    """
    return generators_of(derive_seed(seed, image, purpose) for image in images)


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
