"""Diagonal Gaussians as a pair of tensors, with the Kullback-Leibler divergence in closed form."""

import math
from typing import NamedTuple, Self

import torch
from torch import Tensor

from lightning_modules.networks.latents.noise import INDEPENDENT, Noise
from utils.seeding import Generators, random_rows

LOG_VARIANCE_LIMIT = 10.0  # exp(±10) stays far from overflow, also in half precision sums


class DiagonalGaussian(NamedTuple):
    """Independent normal distributions, one for each element of `mean`.

    Attributes:
        mean: [..., Z].
        log_variance: [..., Z].
    """

    mean: Tensor
    log_variance: Tensor

    @classmethod
    def from_parameters(cls, parameters: Tensor) -> Self:
        """Read [..., 2Z] as Z means followed by Z log-variances; the latter are kept within ±10."""
        mean, log_variance = parameters.float().chunk(2, dim=-1)
        return cls(mean, log_variance.clamp(-LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT))

    def kl_from(self, posterior: "DiagonalGaussian", sample: Tensor) -> Tensor:
        """Return KL[posterior ‖ this] of each element, in nats: [..., Z]; exact, whatever was sampled."""
        return gaussian_kl(posterior, self)

    def log_probability(self, code: Tensor) -> Tensor:
        """Return the log-density of a code, all dimensions together, in nats: [...]."""
        return gaussian_log_probability(code, self.mean, self.log_variance)

    def as_gaussian(self) -> "DiagonalGaussian":
        """Return itself; other distributions return the Gaussian that is most like them."""
        return self

    def select(self, rows: Tensor) -> Self:
        """Return the distributions of these rows, in that order."""
        return type(self)(self.mean[rows], self.log_variance[rows])

    def sample(
        self, latent_scale: float = 1.0, generators: Generators | None = None, noise: Noise = INDEPENDENT
    ) -> Tensor:
        """Sample μ + latent_scale · σ · ε, ε ~ N(0, 1) (Kingma and Welling 2014, section 2.4); 0 gives the mean.

        Arguments as for `Distribution`; `noise` draws ε.
        """
        if latent_scale == 0:
            return self.mean
        normal = random_rows(noise.normal, self.mean, generators)
        return self.mean + latent_scale * torch.exp(0.5 * self.log_variance) * normal


def standard_normal_like(gaussian: DiagonalGaussian) -> DiagonalGaussian:
    """Return N(0, 1) in the shape of another Gaussian."""
    return DiagonalGaussian(torch.zeros_like(gaussian.mean), torch.zeros_like(gaussian.log_variance))


def gaussian_kl(posterior: DiagonalGaussian, prior: DiagonalGaussian) -> Tensor:
    """Return KL[posterior ‖ prior] of each element, in nats: [..., Z].

    ½ (log σp² − log σq² + (σq² + (μq − μp)²) / σp² − 1); with a standard normal prior this is equation 10 of
    Kingma and Welling 2014.
    """
    variance_ratio = torch.exp(posterior.log_variance - prior.log_variance)
    squared_distance = (posterior.mean - prior.mean).square() * torch.exp(-prior.log_variance)
    return 0.5 * (variance_ratio - (posterior.log_variance - prior.log_variance) + squared_distance - 1)


def gaussian_log_probability(code: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return log N(code; mean, variance), summed over the last dimension, in nats."""
    squared = (code - mean).square() * torch.exp(-log_variance)
    return -0.5 * (squared + log_variance + math.log(2 * math.pi)).sum(dim=-1)
