"""Style and content as diagonal Gaussians with standard normal priors.

Shape legend: B images, N captions, P grid positions, D feature width, F summary width, S style, C content.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lightning_modules.networks.latents.diagonal_gaussian import DiagonalGaussian, gaussian_kl, standard_normal_like


class LatentCode(NamedTuple):
    """One code of each caption: what was drawn, from what, and how far that is from the prior.

    Attributes:
        sample: The code, [N, Z].
        posterior: The distribution that it was drawn from.
        prior: The distribution that it is drawn from when no caption or image is known.
    """

    sample: Tensor
    posterior: DiagonalGaussian
    prior: DiagonalGaussian

    @property
    def kl(self) -> Tensor:
        """KL[posterior ‖ prior] in nats, by caption and dimension: [N, Z]."""
        return gaussian_kl(self.posterior, self.prior)


class Latents(NamedTuple):
    """The two codes of each caption."""

    style: LatentCode
    content: LatentCode


class GridSummary(nn.Module):
    """A feature grid as one vector that still knows where things are: reduce the width, flatten, project."""

    def __init__(self, *, width: int, positions: int, reduced_width: int, summary_width: int) -> None:
        super().__init__()
        self.reduce = nn.Linear(width, reduced_width)
        self.project = nn.Linear(positions * reduced_width, summary_width)

    def forward(self, grid_BPD: Tensor) -> Tensor:
        reduced_BPR = torch.relu(self.reduce(grid_BPD))
        return torch.relu(self.project(reduced_BPR.flatten(1)))


class GaussianLatents(nn.Module):
    """q(S|I) = N(μ(I), σ(I)) and q(C|I,S) = N(μ(I,S), σ(I,S)); p(S) = p(C) = N(0, 1).

    Args:
        width: Feature width D of the encoder's grid.
        positions: Positions P of the encoder's grid.
        style_dim: Dimensions of S.
        content_dim: Dimensions of C.
        reduced_width: Features a position that the summary of the grid keeps.
        hidden_size: Width of the summary and of the content posterior's hidden layer.
    """

    def __init__(
        self,
        *,
        width: int,
        positions: int,
        style_dim: int = 16,
        content_dim: int = 64,
        reduced_width: int = 32,
        hidden_size: int = 256,
    ) -> None:
        super().__init__()
        self.style_dim = style_dim
        self.content_dim = content_dim
        self.summary = GridSummary(
            width=width, positions=positions, reduced_width=reduced_width, summary_width=hidden_size
        )
        self.style_posterior = nn.Linear(hidden_size, 2 * style_dim)
        self.content_posterior = nn.Sequential(
            nn.Linear(hidden_size + style_dim, hidden_size), nn.ReLU(), nn.Linear(hidden_size, 2 * content_dim)
        )

    def forward(self, grid_BPD: Tensor, image_of_caption_N: Tensor, noise_scale: float = 1.0) -> Latents:
        """Draw a style and a content code for each caption.

        Args:
            grid_BPD: The encoder's features.
            image_of_caption_N: For each caption the row of its image in `grid_BPD`.
            noise_scale: Multiplies the posteriors' standard deviations; 0 gives the means.
        """
        summary_NF = self.summary(grid_BPD)[image_of_caption_N]
        style = self._draw(self.style_posterior(summary_NF), noise_scale)
        content = self._draw(self.content_posterior(torch.cat([summary_NF, style.sample], dim=-1)), noise_scale)
        return Latents(style, content)

    @staticmethod
    def _draw(parameters: Tensor, noise_scale: float) -> LatentCode:
        posterior = DiagonalGaussian.from_parameters(parameters)
        return LatentCode(posterior.sample(noise_scale), posterior, standard_normal_like(posterior))
