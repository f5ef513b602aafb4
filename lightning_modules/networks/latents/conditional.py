"""Style as the choice among the many true captions: a posterior that reads the caption, and a learned prior.

Shape legend: B images, N captions, L tokens, E width of a word, P grid positions, D feature width, F summary width,
S style.
"""

from typing import Literal, Required, Unpack, get_args

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lightning_modules.networks.latents.diagonal_gaussian import DiagonalGaussian
from lightning_modules.networks.latents.distribution import Distribution
from lightning_modules.networks.latents.gaussian import GaussianLatents, GaussianOptions
from lightning_modules.networks.latents.gaussian_mixture import GaussianMixture
from lightning_modules.networks.latents.latents import (
    CaptionWords,
    LatentCode,
    init_low_variance,
)
from lightning_modules.networks.latents.shared_prior import SharedPrior
from lightning_modules.networks.latents.sources import Source
from utils.require import require

Pooling = Literal["last", "mean", "max"]
POOLINGS: tuple[Pooling, ...] = get_args(Pooling)


class ConditionalOptions(GaussianOptions, total=False):
    """What latents of this family hand on to `ConditionalLatents`, which has the defaults."""

    embedding_dim: Required[int]
    pooling: Pooling


class ConditionalLatents(GaussianLatents):
    """q(S|I,w), p(S|I) or p(S) learned, and q(C|I,S) with p(C) = N(0, 1).

    In training S is drawn from a posterior that sees the image and the caption, so that it can tell which of the many
    true captions it is; its KL is that from a prior that sees the image alone. Without a caption S comes from the
    prior: what a `FromPosterior` asks for is then p(S|I) (Wang, Schwing and Lazebnik 2017; Sohn, Lee and Yan 2015).

    A prior that sees the image lets S name what is there, such as the colour that is told first, and must then know for
    each image which names are true. A prior that does not makes S pay for that: it is left with the choice.

    Args:
        embedding_dim: Width E of the words that the posterior reads.
        style_dim: Dimensions of S.
        hidden_size: Width of the summary, of the content posterior's hidden layer and of what reads the caption.
        num_components: Gaussians in the prior; with more than one the KL is estimated from the sample.
        prior_sees_image: Whether the prior is p(S|I); otherwise it is p(S), learned, too, the same for all images.
        pooling: What the posterior knows of a caption: the reader's `last` state, or of each feature its `mean` or its
            `max` over the words (Long et al. 2019, "Preventing Posterior Collapse in Sequence VAEs with Pooling").
        options: See `GaussianLatents`.
    """

    reads_captions = True

    def __init__(
        self,
        *,
        embedding_dim: int,
        style_dim: int = 16,
        hidden_size: int = 256,
        num_components: int = 1,
        prior_sees_image: bool = True,
        pooling: Pooling = "last",
        **options: Unpack[GaussianOptions],
    ) -> None:
        super().__init__(style_dim=style_dim, hidden_size=hidden_size, **options)
        require(num_components >= 1, "model.latents.num_components", "at least 1", num_components)
        require(pooling in POOLINGS, "model.latents.pooling", f"one of {', '.join(POOLINGS)}", f"{pooling!r}")
        self.num_components = num_components
        self.style_sees_image = prior_sees_image
        self.pooling = pooling
        self.caption = nn.GRU(embedding_dim, hidden_size, batch_first=True)
        self.style_posterior = nn.Linear(2 * hidden_size, 2 * style_dim)
        self.style_prior: nn.Module = (
            nn.Linear(hidden_size, num_components * (2 * style_dim + (num_components > 1)))
            if prior_sees_image
            else SharedPrior(style_dim=style_dim, num_components=num_components)
        )
        init_low_variance(self.style_posterior)

    def _style(
        self,
        summary_BF: Tensor,
        image_of_caption_N: Tensor,
        style_from: Source,
        caption: CaptionWords | None,
        step: int,
    ) -> LatentCode:
        prior = self._prior(summary_BF).select(image_of_caption_N)
        posterior = prior
        if caption is not None:
            read_NF = torch.cat([summary_BF[image_of_caption_N], self._read(caption)], dim=-1)
            posterior = self._posterior(read_NF, step)
        return LatentCode(style_from(posterior, prior), posterior, prior)

    def _posterior(self, read_NF: Tensor, step: int) -> Distribution:
        """Return q(S|I,w) of each caption, given the image's summary and the caption as a whole, at a training step."""
        return DiagonalGaussian.from_parameters(self.style_posterior(read_NF))

    def _prior(self, summary_BF: Tensor) -> Distribution:
        """Return p(S|I), or p(S), of each image."""
        parameters_BX = self.style_prior(summary_BF)
        if self.num_components == 1:
            return DiagonalGaussian.from_parameters(parameters_BX)
        return GaussianMixture.from_parameters(parameters_BX, self.num_components)

    def _read(self, caption: CaptionWords) -> Tensor:
        """Return the caption as a whole: [N, F]."""
        length_N = caption.is_word_NL.sum(dim=1).clamp(min=1).cpu()
        packed = pack_padded_sequence(caption.words_NLE, length_N, batch_first=True, enforce_sorted=False)
        states, last_1NF = self.caption(packed)
        if self.pooling == "last":
            return last_1NF.squeeze(0)
        states_NLF, _ = pad_packed_sequence(states, batch_first=True)
        is_word_NL1 = caption.is_word_NL[:, : states_NLF.shape[1]].unsqueeze(2)
        if self.pooling == "max":
            return states_NLF.masked_fill(~is_word_NL1, float("-inf")).amax(dim=1)
        return (states_NLF * is_word_NL1).sum(dim=1) / is_word_NL1.sum(dim=1)
