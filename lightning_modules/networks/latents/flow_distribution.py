"""What a normalising flow makes of standard normal noise, as a prior of any shape.

Shape legend: N captions, F width of the context, M points of noise, Z latent dimensions.
"""

from functools import cache

import torch
from torch import Tensor
from torch.quasirandom import SobolEngine

from lightning_modules.networks.latents.conditional_flow import ConditionalFlow
from lightning_modules.networks.latents.diagonal_gaussian import DiagonalGaussian, gaussian_log_probability
from lightning_modules.networks.latents.distribution import kl_by_sample
from lightning_modules.networks.latents.noise import INDEPENDENT, Noise
from utils.seeding import Generators, random_rows

NUM_POINTS = 256  # of noise, from which moments are estimated


class FlowDistribution:
    """The distribution of f(ε; c), ε ~ N(0, 1), for each caption's context c.

    Not a tuple: what moves the tensors of a result to another device would move the flow, which belongs to the model.

    Args:
        flow: f.
        context_NF: c.
    """

    def __init__(self, flow: ConditionalFlow, context_NF: Tensor) -> None:
        self.flow = flow
        self.context_NF = context_NF

    @property
    @torch.no_grad()
    def mean(self) -> Tensor:
        """What no noise becomes: [N, Z]; the mean of the distribution where the flow is affine. Without gradients."""
        return self.sample(latent_scale=0.0)

    def select(self, rows: Tensor) -> "FlowDistribution":
        """Return the distributions of these rows, in that order."""
        return FlowDistribution(self.flow, self.context_NF[rows])

    def sample(
        self, latent_scale: float = 1.0, generators: Generators | None = None, noise: Noise = INDEPENDENT
    ) -> Tensor:
        """Sample f(latent_scale · ε); 0 gives `mean`: [N, Z]. Arguments as for `Distribution`; `noise` draws ε."""
        like_NZ = self.context_NF.new_zeros(self.context_NF.shape[0], self.flow.dim, dtype=torch.float)
        noise_NZ = like_NZ if latent_scale == 0 else latent_scale * random_rows(noise.normal, like_NZ, generators)
        code_NZ: Tensor = self.flow(noise_NZ, self.context_NF)
        return code_NZ

    def log_probability(self, code_NZ: Tensor) -> Tensor:
        """Return the log-density of a code, in nats: [N] (Dinh et al. 2017, equation 3)."""
        noise_NZ, log_det_N = self.flow.inverse(code_NZ, self.context_NF)
        zeros_NZ = torch.zeros_like(noise_NZ)
        return gaussian_log_probability(noise_NZ, mean=zeros_NZ, log_variance=zeros_NZ) + log_det_N

    def kl_from(self, posterior: DiagonalGaussian, sample_NZ: Tensor) -> Tensor:
        """Estimate KL[posterior ‖ this] from a sample of the posterior (see `kl_by_sample`): [N, Z]."""
        return kl_by_sample(posterior.log_probability(sample_NZ) - self.log_probability(sample_NZ), sample_NZ)

    @torch.no_grad()
    def as_gaussian(self) -> DiagonalGaussian:
        """Return the Gaussian with the mean and variance of each dimension of what 256 points of noise become.

        Without gradients: for figures and pictures, not for a loss.
        """
        points_MZ = noise_points(self.flow.dim).to(self.context_NF.device)
        code_NMZ = self.flow(points_MZ.expand(len(self.context_NF), -1, -1), self.context_NF.unsqueeze(1))
        return DiagonalGaussian(code_NMZ.mean(dim=1), code_NMZ.var(dim=1, correction=0).log())


@cache
def noise_points(dim: int) -> Tensor:
    """Return the same points at every call, which cover N(0, 1) evenly and have its mean and variances: [M, Z]."""
    uniform_MZ = SobolEngine(dim, scramble=True, seed=0).draw(NUM_POINTS).double()
    normal_MZ = torch.special.ndtri(uniform_MZ.clamp(1e-6, 1 - 1e-6))
    centred_MZ = normal_MZ - normal_MZ.mean(dim=0)
    return (centred_MZ / centred_MZ.std(dim=0, correction=0)).float()
