"""Words drawn at random from the filtered distribution.

Shape legend: N captions, V vocabulary.
"""

from collections.abc import Sequence
from copy import copy
from typing import Any

import torch
from torch import Tensor

from lightning_modules.generation.filtering import discourage_repeats, filter_logits
from lightning_modules.generation.strategy import (
    Generated,
    LatentSampling,
    Request,
    SpecialTokens,
    Stepper,
    Strategy,
    generate,
)
from utils.require import require
from utils.seeding import Generators, random_rows


class Sample(Strategy):
    """`num` captions an image; each samples its own latents, then its words (see `filter_logits` for the filters).

    Args:
        num: Captions an image.
        temperature: Divides the logits: below 1 sharper, above 1 flatter.
        top_k: Keep the k likeliest words; None for all.
        top_p: Keep the likeliest words that together reach this probability; None for all.
        typical_p: Keep the words of the most typical surprisal that together reach this probability; None for all.
        filter_thres: Keep the share 1 − filter_thres of the vocabulary, the likeliest; None for all.
        repetition_penalty: Divides the logits of words that were generated (see `discourage_repeats`); 1 for none.
        latent_scale: Multiplies the standard deviations that codes are drawn with.
        max_length: Most tokens of a caption, `<eos>` included.

    Raises:
        ValueError: A number is out of its range.
    """

    def __init__(
        self,
        *,
        num: int = 5,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        typical_p: float | None = None,
        filter_thres: float | None = None,
        repetition_penalty: float = 1.0,
        latent_scale: float = 1.0,
        max_length: int = 40,
    ) -> None:
        require(num >= 1, "generation.num", "at least 1", num)
        require(
            temperature > 0, "generation.temperature", "above 0 (for no randomness use generation=greedy)", temperature
        )
        require(top_k is None or top_k >= 1, "generation.top_k", "at least 1", top_k)
        require(top_p is None or 0 < top_p <= 1, "generation.top_p", "above 0 and at most 1", top_p)
        require(typical_p is None or 0 < typical_p <= 1, "generation.typical_p", "above 0 and at most 1", typical_p)
        require(filter_thres is None or 0 <= filter_thres < 1, "generation.filter_thres", "in [0, 1)", filter_thres)
        require(repetition_penalty >= 1, "generation.repetition_penalty", "at least 1", repetition_penalty)
        require(latent_scale >= 0, "generation.latent_scale", "0 or more", latent_scale)
        require(max_length >= 1, "generation.max_length", "at least 1", max_length)
        self.num = num
        self.temperature = temperature
        self.top_k = top_k
        self.top_p = top_p
        self.typical_p = typical_p
        self.filter_thres = filter_thres
        self.repetition_penalty = repetition_penalty
        self.latents = LatentSampling(num=num, style_scale=latent_scale, content_scale=latent_scale)
        self.max_length = max_length
        self._generators: Generators | None = None

    def bind(self, request: Request) -> Strategy:
        """Return the same strategy that samples an image's words with the image's own generator."""
        sample = copy(super().bind(request))
        assert isinstance(sample, Sample)
        sample._generators = request.generators
        return sample

    def __call__(self, stepper: Stepper, state: Any, first_N: Tensor, special: SpecialTokens) -> Generated:
        return generate(stepper, state, first_N, special, choose=self._choose, max_length=self.max_length)

    def _choose(self, logits_NV: Tensor, generated: Sequence[Tensor]) -> Tensor:
        if self.repetition_penalty != 1 and generated:
            logits_NV = discourage_repeats(logits_NV, torch.stack([*generated], dim=1), self.repetition_penalty)
        filtered_NV = self.filtered(logits_NV)
        return sample_words(filtered_NV, random_rows(torch.rand, filtered_NV[:, 0], self._generators))

    def filtered(self, logits_NV: Tensor) -> Tensor:
        """Return logits of the distribution that words are sampled from, given those of all allowed words."""
        return filter_logits(
            logits_NV,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            typical_p=self.typical_p,
            filter_thres=self.filter_thres,
        )


def sample_words(logits_NV: Tensor, uniform_N: Tensor) -> Tensor:
    """Sample a word of each row by its probability: the first at which all up to it exceed a number in [0, 1): [N].

    One random number for a row, where `torch.multinomial` draws one for each word of the vocabulary.
    """
    cumulated_NV = logits_NV.softmax(dim=1).cumsum(dim=1)
    total_N1 = cumulated_NV[:, -1:]
    below_N1 = torch.nextafter(total_N1, torch.zeros_like(total_N1))  # a product may be rounded up to the total
    threshold_N1 = torch.minimum(uniform_N.unsqueeze(1) * total_N1, below_N1)
    return torch.searchsorted(cumulated_NV, threshold_N1, right=True).squeeze(1)
