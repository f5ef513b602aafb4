"""Random numbers that belong to images: what is drawn for one does not depend on which others stand beside it."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

Generators = Sequence[torch.Generator]
"""One for each image of a batch."""


def generators_of(seeds: Iterable[int], device: torch.device | str = "cpu") -> list[torch.Generator]:
    """Return a generator for each image, seeded with its own number."""
    return [torch.Generator(device).manual_seed(seed) for seed in seeds]


def draw_rows(draw: Callable[..., Tensor], like: Tensor, generators: Generators | None) -> Tensor:
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
