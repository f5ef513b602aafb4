"""Where a code comes from: its posterior, its prior, or whoever asks.

Shape legend: N captions, Z latent dimensions.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from lightning_modules.networks.latents.distribution import Distribution
from utils.seeding import Generators

Source = Callable[[Distribution, Distribution], Tensor]
"""From a code's posterior and prior to the code itself, [N, Z]."""


@dataclass(frozen=True)
class FromPosterior:
    """What the image suggests; `latent_scale` multiplies the standard deviations, 0 takes the means.

    As many rows in a row as `num_distinct` says get different codes, where codes are discrete.
    """

    latent_scale: float = 1.0
    generators: Generators | None = None
    num_distinct: int = 1

    def __call__(self, posterior: Distribution, prior: Distribution) -> Tensor:
        return posterior.sample(self.latent_scale, self.generators, self.num_distinct)


@dataclass(frozen=True)
class FromPrior:
    """What could be without a look at the image; `temperature` multiplies the standard deviations.

    `num_distinct` is as in `FromPosterior`.
    """

    temperature: float = 1.0
    generators: Generators | None = None
    num_distinct: int = 1

    def __call__(self, posterior: Distribution, prior: Distribution) -> Tensor:
        return prior.sample(self.temperature, self.generators, self.num_distinct)


@dataclass(frozen=True)
class Given:
    """The numbers themselves."""

    code_NZ: Tensor

    def __call__(self, posterior: Distribution, prior: Distribution) -> Tensor:
        return self.code_NZ.to(posterior.mean)


POSTERIOR = FromPosterior()
MEAN = FromPosterior(latent_scale=0.0)
