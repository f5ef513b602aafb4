"""Trains the words that are predicted for an image as a whole.

Shape legend: N captions, M images or captions, A words that can be predicted, V vocabulary.
"""

from torch import Tensor
from torch.nn.functional import logsigmoid

from lightning_modules.losses.loss_term import LossTerm
from lightning_modules.networks import CaptionerOutput
from utils.require import require


class PredictedWordsTerm(LossTerm):
    """−Σ_a y_a log p_a + (1 − y_a) p_a^γ log(1 − p_a): cross entropy of whether a caption has each word.

    Averaged over the captions of an image, y_a is the share of them that have the word. Most words are in none: γ lets
    those that are unlikely already count little (Ridnik et al. 2021, "Asymmetric Loss", equation 4, γ+ = 0). Words are
    those of `PredictedWords`.

    Args:
        gamma: γ, 0 or more.

    Raises:
        ValueError: It is negative.
    """

    def __init__(self, *, gamma: float = 2.0) -> None:
        super().__init__()
        require(gamma >= 0, "model.loss.terms.predicted_words.term.gamma", "0 or more", gamma)
        self.gamma = gamma

    def forward(self, output: CaptionerOutput) -> Tensor:
        words = output.latents.words
        if words is None:
            raise ValueError(
                "model/loss/terms=predicted_words is of what model/memory=predicted_words predicts; add it"
            )
        num, vocab_size = len(output.targets_NL), output.logits_WV.shape[-1]
        is_in_NV = words.logits_MA.new_zeros(num, vocab_size).scatter_(1, output.targets_NL, 1.0)
        is_in_NA = is_in_NV[:, words.ids_A]
        logits_NA = words.logits_MA.repeat_interleave(num // len(words.logits_MA), dim=0)
        absent_NA = logits_NA.sigmoid().pow(self.gamma) * logsigmoid(-logits_NA)
        return -(is_in_NA * logsigmoid(logits_NA) + (1 - is_in_NA) * absent_NA).sum(dim=1)
