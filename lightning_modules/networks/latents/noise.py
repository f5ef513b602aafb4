"""Random numbers that distributions make their samples of: independent ones, or some that are spread evenly.

Shape legend: X numbers of one image, Z latent dimensions, K choices.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.quasirandom import SobolEngine

HALF_STEP = 2.0**-31  # Sobol points are multiples of 2^-30, 0 among them, whose normal quantile is infinite

Draw = Callable[..., Tensor]
"""As `torch.rand`: from a shape, a generator, a type and a device to numbers."""


class Noise(NamedTuple):
    """How the samples of an image are drawn, and what they have to do with each other.

    Attributes:
        normal: Draws standard normal numbers, [X, Z].
        uniform: Draws numbers in [0, 1), [X, 1]; of any shape where they are not spread.
        is_spread: Whether the numbers of an image are spread evenly instead of independent.
        num_distinct: So many rows side by side are of one image, and get different codes where codes are discrete.
    """

    normal: Draw = torch.randn
    uniform: Draw = torch.rand
    is_spread: bool = False
    num_distinct: int = 1


INDEPENDENT = Noise()


def stratified(strata: int) -> Noise:
    """Return noise that spreads an image's samples: each is distributed as if drawn alone, but not independent.

    Args:
        strata: Samples whose uniform numbers are spread together, round after round.
    """
    return Noise(sobol_normals, partial(systematic_uniforms, strata=strata), is_spread=True)


def choices_at(log_probability: Tensor, uniform: Tensor) -> Tensor:
    """Return the choice at each uniform number, by inversion of the cumulated probabilities: [..., K] and [...]."""
    cumulated = log_probability.exp().cumsum(dim=-1)
    return (cumulated[..., :-1] <= uniform.unsqueeze(-1)).sum(dim=-1)


def sobol_normals(
    shape: Sequence[int],
    *,
    generator: torch.Generator | None = None,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """Draw normal numbers by randomised quasi-Monte Carlo (Owen 1998): a scrambled Sobol sequence, [X, Z].

    Of the first 2^k numbers of a dimension one falls into each of 2^k intervals of equal probability; the first ones of
    any number are spread, too.
    """
    num, dimensions = shape
    seed = int(torch.randint(2**62, (), generator=generator))
    uniform_XZ = SobolEngine(dimensions, scramble=True, seed=seed).draw(num, dtype=torch.double)
    return torch.special.ndtri(uniform_XZ + HALF_STEP).to(device=device, dtype=dtype)


def systematic_uniforms(
    shape: Sequence[int],
    *,
    strata: int,
    generator: torch.Generator | None = None,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """Draw uniform numbers by systematic sampling (Madow and Madow 1944): [X, 1].

    Each round of `strata` numbers is a grid of that step with a random offset, in random order, so that an interval of
    length w gets less than one more or fewer than `strata` · w of them.
    """
    num, one = shape
    assert one == 1, f"a grid has one dimension, got {one}"
    rounds = -(-num // strata)
    order_RX = torch.rand(rounds, strata, generator=generator, dtype=torch.double).argsort(dim=1)
    offset_R1 = torch.rand(rounds, 1, generator=generator, dtype=torch.double)
    uniform_RX = (order_RX + offset_R1) / strata
    below_1 = torch.nextafter(torch.ones((), dtype=dtype), torch.zeros((), dtype=dtype))  # of the rounded numbers
    return uniform_RX.flatten()[:num, None].to(device=device, dtype=dtype).clamp(max=below_1.item())
