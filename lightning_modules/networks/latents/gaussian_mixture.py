"""A mixture of diagonal Gaussians, as a prior with several ways to describe an image.

Shape legend: N captions, K components, Z latent dimensions.
"""

from typing import NamedTuple, Self

import torch
from torch import Tensor

from lightning_modules.networks.latents.diagonal_gaussian import (
    LOG_VARIANCE_LIMIT,
    DiagonalGaussian,
    gaussian_log_probability,
)
from lightning_modules.networks.latents.distribution import kl_by_sample
from lightning_modules.networks.latents.noise import INDEPENDENT, Noise, choices_at
from utils.seeding import Generators, random_rows


class GaussianMixture(NamedTuple):
    """Σ_k π_k N(μ_k, σ_k).

    Attributes:
        log_weight_NK: log π, normalised.
        mean_NKZ: μ.
        log_variance_NKZ: log σ².
    """

    log_weight_NK: Tensor
    mean_NKZ: Tensor
    log_variance_NKZ: Tensor

    @classmethod
    def from_parameters(cls, parameters_NX: Tensor, num_components: int) -> Self:
        """Read [N, K · (1 + 2Z)] as K log-weights (normalised here), then all means, then all log-variances."""
        parameters_NX = parameters_NX.float()
        log_weight_NK = parameters_NX[:, :num_components].log_softmax(dim=1)
        mean_NKZ, log_variance_NKZ = parameters_NX[:, num_components:].unflatten(1, (2, num_components, -1)).unbind(1)
        return cls(log_weight_NK, mean_NKZ, log_variance_NKZ.clamp(-LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT))

    @property
    def mean(self) -> Tensor:
        """The mean of the heaviest component: [N, Z]. The mixture's own mean may lie where it is unlikely."""
        return self._component(self.log_weight_NK.argmax(dim=1)).mean

    def select(self, rows: Tensor) -> Self:
        """Return the mixtures of these rows, in that order."""
        return type(self)(*(part[rows] for part in self))

    def sample(
        self, latent_scale: float = 1.0, generators: Generators | None = None, noise: Noise = INDEPENDENT
    ) -> Tensor:
        """Sample a component, then it, with its standard deviations times `latent_scale`; 0 gives `mean`: [N, Z].

        Arguments as for `Distribution`; `noise` draws the random numbers of both.
        """
        if latent_scale == 0:
            return self.mean
        uniform_N1 = random_rows(noise.uniform, self.log_weight_NK[:, :1], generators)
        component_N = choices_at(self.log_weight_NK, uniform_N1.squeeze(1))
        return self._component(component_N).sample(latent_scale, generators, noise)

    def log_probability(self, code_NZ: Tensor) -> Tensor:
        """Return the log-density of a code, in nats: [N]."""
        log_p_NK = gaussian_log_probability(code_NZ.unsqueeze(1), self.mean_NKZ, self.log_variance_NKZ)
        return (self.log_weight_NK + log_p_NK).logsumexp(dim=1)

    def kl_from(self, posterior: DiagonalGaussian, sample_NZ: Tensor) -> Tensor:
        """Estimate KL[posterior ‖ this] from a sample of the posterior (see `kl_by_sample`): [N, Z]."""
        return kl_by_sample(posterior.log_probability(sample_NZ) - self.log_probability(sample_NZ), sample_NZ)

    def as_gaussian(self) -> DiagonalGaussian:
        """Return the Gaussian with the mean and variance of each dimension of the mixture, all components together."""
        weight_NK1 = self.log_weight_NK.exp().unsqueeze(2)
        mean_NZ = (weight_NK1 * self.mean_NKZ).sum(dim=1)
        around_NKZ = self.log_variance_NKZ.exp() + (self.mean_NKZ - mean_NZ.unsqueeze(1)).square()
        return DiagonalGaussian(mean_NZ, (weight_NK1 * around_NKZ).sum(dim=1).log())

    def _component(self, component_N: Tensor) -> DiagonalGaussian:
        row_N = torch.arange(component_N.shape[0], device=component_N.device)
        return DiagonalGaussian(self.mean_NKZ[row_N, component_N], self.log_variance_NKZ[row_N, component_N])
