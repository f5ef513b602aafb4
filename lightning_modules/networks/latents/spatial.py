"""Style as one Gaussian code, content as one at each place of the grid.

Shape legend: B images, N captions, P grid positions, D feature width, F summary width, S style, W content a place,
C = P · W content.
"""

import torch
from torch import Tensor, nn

from lightning_modules.networks.latents.gaussian import FeatureSummary
from lightning_modules.networks.latents.latent_model import LatentModel
from lightning_modules.networks.latents.latents import CaptionWords, Latents, init_low_variance, sample_latent
from lightning_modules.networks.latents.sources import POSTERIOR, Source
from lightning_modules.networks.layers.dropout import Dropout


class SpatialGaussianLatents(LatentModel):
    """q(S|I) as in `GaussianLatents`, and q(C|I,S) = Π_p N(μ(I_p,S), σ(I_p,S)) over the places p of the grid.

    A decoder with attention looks at the drawn content code, place by place, and at nothing else: all that it knows of
    the image has passed through S and C, and their KL measures it.

    Args:
        width: Features D of a position of the encoder's grid.
        positions: Positions P of the encoder's grid.
        memory_dim: Not used here: features are always normalised, and attention reads the content.
        embedding_dim: Width of words; not used here.
        style_dim: Dimensions of S.
        position_dim: Dimensions W of C at each place.
        reduced_width: Features a position that the summary of the grid, which S comes from, keeps.
        hidden_size: Width of the summary and of the content posterior's hidden layer.
        dropout: Share of the grid's features that is set to zero in training.
    """

    def __init__(
        self,
        *,
        width: int,
        positions: int,
        memory_dim: int | None = None,
        embedding_dim: int | None = None,
        style_dim: int = 16,
        position_dim: int = 16,
        reduced_width: int = 16,
        hidden_size: int = 128,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.style_dim = style_dim
        self.content_dim = positions * position_dim
        self.memory_dim = position_dim
        self.normalise = nn.LayerNorm(width)  # backbones differ in the scale of their features by orders of magnitude
        self.dropout = Dropout(dropout)
        self.summary = FeatureSummary(
            width=width, positions=positions, reduced_width=reduced_width, summary_width=hidden_size
        )
        self.style_posterior = nn.Linear(hidden_size, 2 * style_dim)
        self.features = nn.Linear(width, hidden_size)
        self.style_features = nn.Linear(style_dim, hidden_size, bias=False)
        self.content_posterior = nn.Linear(hidden_size, 2 * position_dim)
        init_low_variance(self.style_posterior)
        init_low_variance(self.content_posterior)

    def forward(
        self,
        features_BPD: Tensor,
        image_of_caption_N: Tensor,
        style_from: Source = POSTERIOR,
        content_from: Source = POSTERIOR,
        caption: CaptionWords | None = None,
        step: int = 0,
    ) -> Latents:
        features_BPD = self.dropout(self.normalise(features_BPD))
        style = sample_latent(self.style_posterior(self.summary(features_BPD))[image_of_caption_N], style_from)
        features_NPF = self.features(features_BPD)[image_of_caption_N] + self.style_features(style.sample).unsqueeze(1)
        mean_NPW, log_variance_NPW = self.content_posterior(torch.relu(features_NPF)).chunk(2, dim=-1)
        content = sample_latent(torch.cat([mean_NPW.flatten(1), log_variance_NPW.flatten(1)], dim=-1), content_from)
        return Latents(style, content, memory_MPD=content.sample.unflatten(1, (-1, self.memory_dim)))
