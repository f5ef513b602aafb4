"""Style and content as diagonal Gaussians with standard normal priors.

Shape legend: B images, N captions, P grid positions, D feature width, R reduced width, F summary width, S style,
C content.
"""

from typing import Required, TypedDict

import torch
from torch import Tensor, nn

from lightning_modules.networks.latents.latent_model import LatentModel
from lightning_modules.networks.latents.latents import (
    CaptionWords,
    LatentCode,
    Latents,
    init_low_variance,
    memory_of_captions,
    sample_latent,
)
from lightning_modules.networks.latents.sources import POSTERIOR, Source
from lightning_modules.networks.layers.dropout import Dropout
from lightning_modules.networks.memories import PredictedWords, WordLogits


class FeatureSummary(nn.Module):
    """A feature grid as one vector that still knows where things are: reduce the width, flatten, project."""

    def __init__(self, *, width: int, positions: int, reduced_width: int, summary_width: int) -> None:
        super().__init__()
        self.reduce = nn.Linear(width, reduced_width)
        self.project = nn.Linear(positions * reduced_width, summary_width)

    def forward(self, features_BPD: Tensor) -> Tensor:
        reduced_BPR = torch.relu(self.reduce(features_BPD))
        return torch.relu(self.project(reduced_BPR.flatten(1)))


class GaussianOptions(TypedDict, total=False):
    """What latents of this family hand on to `GaussianLatents`, which has the defaults."""

    width: Required[int]
    positions: Required[int]
    memory_dim: int | None
    content_dim: int
    reduced_width: int
    dropout: float


class GaussianLatents(LatentModel):
    """q(S|I) = N(μ(I), σ(I)) and q(C|I,S) = N(μ(I,S), σ(I,S)); p(S) = p(C) = N(0, 1).

    A decoder with attention looks past the codes at the image's features themselves; such a decoder needs C little.

    Args:
        width: Features D of a position of the encoder's grid.
        positions: Positions P of the encoder's grid.
        memory_dim: For features of any scale, such as those of a published backbone: normalise them, and project those
            that attention reads to this width, once for all captions of an image. None takes them as they are.
        embedding_dim: Width of words; not used here.
        style_dim: Dimensions of S.
        content_dim: Dimensions of C.
        reduced_width: Features a position that the summary of the grid keeps.
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
        content_dim: int = 64,
        reduced_width: int = 32,
        hidden_size: int = 256,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.style_dim = style_dim
        self.content_dim = content_dim
        self.memory_dim = memory_dim or width
        self.words: PredictedWords | None = None
        self.normalise = nn.LayerNorm(width) if memory_dim else nn.Identity()
        self.dropout = Dropout(dropout)
        self.memory = nn.Linear(width, memory_dim) if memory_dim else nn.Identity()
        self.summary = FeatureSummary(
            width=width, positions=positions, reduced_width=reduced_width, summary_width=hidden_size
        )
        self.style_posterior = nn.Linear(hidden_size, 2 * style_dim)
        self.content_hidden = nn.Linear(hidden_size + style_dim, hidden_size)
        self.content_posterior = nn.Linear(hidden_size, 2 * content_dim)
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
        normalised_BPD = self.normalise(features_BPD)
        features_BPD = self.dropout(normalised_BPD)
        summary_BF = self.summary(features_BPD)
        summary_NF = summary_BF[image_of_caption_N]
        style = self._style(summary_BF, image_of_caption_N, style_from, caption, step)
        hidden_NF = torch.relu(self.content_hidden(torch.cat([summary_NF, style.sample], dim=-1)))
        content = sample_latent(self.content_posterior(hidden_NF), content_from)
        memory_BPD = self.memory(features_BPD)
        if self.words is None:
            return Latents(style, content, memory_of_captions(memory_BPD, image_of_caption_N))
        logits_BA, words_BKD = self.words(normalised_BPD)
        memory_MPD = memory_of_captions(torch.cat([memory_BPD, words_BKD], dim=1), image_of_caption_N)
        words = WordLogits(memory_of_captions(logits_BA, image_of_caption_N), self.words.ids_A)
        return Latents(style, content, memory_MPD, words)

    def remember_words(self, words: PredictedWords) -> None:
        self.words = words

    def leave_out_memory(self) -> None:
        self.memory.requires_grad_(False)

    def _style(
        self,
        summary_BF: Tensor,
        image_of_caption_N: Tensor,
        style_from: Source,
        caption: CaptionWords | None,
        step: int,
    ) -> LatentCode:
        """Sample S of each caption; here q(S|I) knows the image alone."""
        return sample_latent(self.style_posterior(summary_BF[image_of_caption_N]), style_from)
