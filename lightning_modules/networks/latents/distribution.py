"""What a code can be drawn from.

Shape legend: N captions, Z latent dimensions.
"""

from typing import Any, Protocol, Self

from torch import Tensor

from lightning_modules.networks.latents.diagonal_gaussian import DiagonalGaussian
from lightning_modules.networks.latents.noise import INDEPENDENT, Noise
from utils.seeding import Generators


class Distribution(Protocol):
    """The posterior or prior of a code, for each caption one; whoever asks for codes knows no more of it than this."""

    @property
    def mean(self) -> Tensor:
        """The code that stands for the distribution where nothing is drawn: [N, Z]."""
        ...

    def select(self, rows: Tensor) -> Self:
        """Return the distributions of these rows, in that order."""
        ...

    def sample(
        self, latent_scale: float = 1.0, generators: Generators | None = None, noise: Noise = INDEPENDENT
    ) -> Tensor:
        """Sample a code of each caption, with less noise the smaller `latent_scale`; 0 gives `mean`: [N, Z].

        Args:
            latent_scale: See above.
            generators: One for each image, whose rows stand together; None for PyTorch's own.
            noise: How the random numbers are drawn, and whether the codes of an image must differ. Those of a
                continuous distribution differ anyway.
        """
        ...

    def kl_from(self, posterior: Any, sample: Tensor) -> Tensor:
        """Return KL[posterior ‖ this] in nats, by dimension, in equal shares where it has no such parts: [N, Z].

        Args:
            posterior: Of the class that this is the prior of.
            sample: Drawn from it, for a prior whose KL has no closed form.
        """
        ...

    def as_gaussian(self) -> DiagonalGaussian:
        """Return the Gaussian with the mean and variance of each dimension."""
        ...


def kl_by_sample(log_ratio_N: Tensor, sample_NZ: Tensor) -> Tensor:
    """Return an estimate of the KL, log q(s) − log p(s) at a sample s of q, in equal shares of all dimensions: [N, Z].

    For a prior that has no closed form, no part of which belongs to a dimension. The mean of the sums is the KL, a
    single one may be negative.
    """
    return (log_ratio_N.unsqueeze(1) / sample_NZ.shape[1]).expand_as(sample_NZ)
