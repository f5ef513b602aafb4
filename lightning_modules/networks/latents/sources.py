"""Where a code comes from: its posterior, its prior, or whoever asks.

Shape legend: N captions, image by image, Z latent dimensions, X codes of one image.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_modules.networks.latents.clustering import medoids
from lightning_modules.networks.latents.distribution import Distribution
from lightning_modules.networks.latents.noise import INDEPENDENT, Noise
from utils.seeding import Generators

CODES_OF_CLUSTER = 25  # drawn for each that is kept

Source = Callable[[Distribution, Distribution], Tensor]
"""From a code's posterior and prior to the code itself, [N, Z]."""


@dataclass(frozen=True)
class FromPosterior:
    """What the image suggests; `latent_scale` multiplies the standard deviations, 0 takes the means."""

    latent_scale: float = 1.0
    generators: Generators | None = None
    noise: Noise = INDEPENDENT

    def __call__(self, posterior: Distribution, prior: Distribution) -> Tensor:
        return posterior.sample(self.latent_scale, self.generators, self.noise)


@dataclass(frozen=True)
class FromPrior:
    """What could be without a look at the image; `latent_scale` as of `FromPosterior`."""

    latent_scale: float = 1.0
    generators: Generators | None = None
    noise: Noise = INDEPENDENT

    def __call__(self, posterior: Distribution, prior: Distribution) -> Tensor:
        return prior.sample(self.latent_scale, self.generators, self.noise)


@dataclass(frozen=True)
class Clustered:
    """Codes that stand for many: those of another source in clusters, as many as are wanted of an image.

    Of each cluster it is the code nearest to the centre, that of the largest cluster first.
    """

    source: FromPosterior | FromPrior
    generators: Generators

    def __call__(self, posterior: Distribution, prior: Distribution) -> Tensor:
        rows = torch.arange(len(posterior.mean), device=posterior.mean.device).repeat_interleave(CODES_OF_CLUSTER)
        codes = self.source(posterior.select(rows), prior.select(rows)).chunk(len(self.generators))
        num = len(posterior.mean) // len(self.generators)
        chosen = [
            code_XZ[medoids(code_XZ.cpu().double(), num, generator).to(code_XZ.device)]
            for code_XZ, generator in zip(codes, self.generators, strict=True)
        ]
        return torch.cat(chosen)


@dataclass(frozen=True)
class SideBySide:
    """Codes of several sources: of each image, so many of the first, then so many of the next.

    Attributes:
        sources: Where they come from.
        counts: How many codes of an image each of them gives.
    """

    sources: tuple[Source, ...]
    counts: tuple[int, ...]

    def __call__(self, posterior: Distribution, prior: Distribution) -> Tensor:
        rows_BX = torch.arange(len(posterior.mean), device=posterior.mean.device).view(-1, sum(self.counts))
        parts = []
        for source, rows_BK in zip(self.sources, rows_BX.split(self.counts, dim=1), strict=True):
            rows_N = rows_BK.flatten()
            code_NZ = source(posterior.select(rows_N), prior.select(rows_N))
            parts.append(code_NZ.unflatten(0, rows_BK.shape))
        return torch.cat(parts, dim=1).flatten(0, 1)


@dataclass(frozen=True)
class Given:
    """The numbers themselves."""

    code_NZ: Tensor

    def __call__(self, posterior: Distribution, prior: Distribution) -> Tensor:
        return self.code_NZ.to(posterior.mean)


POSTERIOR = FromPosterior()
MEAN = FromPosterior(latent_scale=0.0)
