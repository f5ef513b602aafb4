"""The style and content codes of a batch of captions.

Shape legend: B images, N captions, M images or captions, Z latent dimensions, P places, D width of a place.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lightning_modules.networks.latents.diagonal_gaussian import (
    DiagonalGaussian,
    gaussian_kl,
    standard_normal_like,
)
from lightning_modules.networks.latents.distribution import Distribution
from lightning_modules.networks.latents.sources import Source
from lightning_modules.networks.memories import WordLogits

# Codes start almost without noise, so that the decoder learns to use them before the weight of the KL has grown. With a
# variance of 1 they would be noise at first, the decoder would learn to do without them, and they would collapse.
INITIAL_LOG_VARIANCE = -4.0


class CaptionWords(NamedTuple):
    """Captions as a posterior reads them.

    Attributes:
        words_NLE: The embedded words.
        is_word_NL: Which of them are words, not padding; each caption has at least one.
    """

    words_NLE: Tensor
    is_word_NL: Tensor


class LatentCode(NamedTuple):
    """One code of each caption: what was drawn, from what, and how far that is from the prior.

    Attributes:
        sample: The code, [N, Z].
        posterior: The distribution that it was drawn from.
        prior: The distribution that it is drawn from when less is known: not the image, or not the caption.
    """

    sample: Tensor
    posterior: Distribution
    prior: Distribution

    def select(self, rows: Tensor) -> "LatentCode":
        """Return the codes of these rows, in that order."""
        return LatentCode(self.sample[rows], self.posterior.select(rows), self.prior.select(rows))

    @property
    def kl(self) -> Tensor:
        """KL[posterior ‖ prior] in nats, by caption and dimension: [N, Z]; equal shares where it has no parts."""
        if self.posterior is self.prior:  # nothing was known beyond what the prior knows
            return torch.zeros_like(self.sample)
        return self.prior.kl_from(self.posterior, self.sample)

    @property
    def kl_of_dimensions(self) -> Tensor:
        """KL[posterior ‖ prior] of each dimension by itself, in nats, as if both were Gaussians: [N, Z]."""
        return gaussian_kl(self.posterior.as_gaussian(), self.prior.as_gaussian())


class Latents(NamedTuple):
    """All that the decoder may know of the image of each caption.

    Attributes:
        style: How it is seen and described, [N, S].
        content: What is there, [N, C].
        memory_MPD: What there is at each place, for a decoder with attention: of each image (M = B), or of each caption
            (M = N). Caption n sees those of row n // (N / M).
        words: The words that were predicted of each image, where some are; not of selected rows.
    """

    style: LatentCode
    content: LatentCode
    memory_MPD: Tensor
    words: WordLogits | None = None

    @property
    def num_samples(self) -> int:
        """N."""
        return len(self.style.sample)

    def select(self, rows: Tensor) -> "Latents":
        """Return the codes of these rows, which stay in the order of their images, equally many of each."""
        of_each_caption = len(self.memory_MPD) == self.num_samples
        memory_MPD = self.memory_MPD[rows] if of_each_caption else self.memory_MPD
        return Latents(self.style.select(rows), self.content.select(rows), memory_MPD)


def sample_latent(parameters: Tensor, source: Source) -> LatentCode:
    """Take a code from its source, given the Gaussian that a posterior network describes ([N, 2Z]).

    The prior is standard normal.
    """
    posterior = DiagonalGaussian.from_parameters(parameters)
    prior = standard_normal_like(posterior)
    return LatentCode(source(posterior, prior), posterior, prior)


def memory_of_captions(memory_BPD: Tensor, image_of_caption_N: Tensor) -> Tensor:
    """Return `memory_MPD`: of each image if all have equally many captions, side by side, otherwise of each caption."""
    if torch.compiler.is_exporting():  # an exported program cannot look at the numbers
        return memory_BPD[image_of_caption_N]
    num_images = len(memory_BPD)
    each, rest = divmod(len(image_of_caption_N), num_images)
    images_B = torch.arange(num_images, device=image_of_caption_N.device)
    if not rest and torch.equal(image_of_caption_N, images_B.repeat_interleave(each)):
        return memory_BPD
    return memory_BPD[image_of_caption_N]


def init_low_variance(last: nn.Linear) -> None:
    """Let a posterior network's last layer ([..., 2Z]) start with almost no noise."""
    with torch.no_grad():
        last.bias[last.out_features // 2 :] = INITIAL_LOG_VARIANCE
