"""The likeliest caption first."""

from torch import Tensor

from lightning_modules.base import CaptioningModule
from lightning_modules.generation import length_normalised
from lightning_modules.ranking.ranker import Candidates, Ranker
from utils.require import require


class Likelihood(Ranker):
    """log P(caption | codes) / ((5 + length) / 6)^`length_penalty` (Wu et al. 2016, equation 14; `<eos>` counts).

    Each caption is judged under the latents that it was generated from.

    Args:
        length_penalty: The exponent; 0 ranks by log P alone, which favours short captions.

    Raises:
        ValueError: The exponent is negative.
    """

    def __init__(self, *, length_penalty: float = 0.6) -> None:
        require(length_penalty >= 0, "ranking.length_penalty", "0 or more", length_penalty)
        self.length_penalty = length_penalty

    def __call__(self, captioner: CaptioningModule, candidates: Candidates) -> Tensor:
        generated = candidates.generated
        pad_id = captioner.tokenizer.vocabulary.pad_id
        return length_normalised(generated.log_probability_N, generated.tokens_NL, self.length_penalty, pad_id=pad_id)
