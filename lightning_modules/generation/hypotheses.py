"""Captions that a search holds, and the words that they could go on with.

Shape legend: S searches, K captions of each, L tokens, T tokens so far, C candidates, V vocabulary.
"""

from typing import NamedTuple, Self

import torch
from torch import Tensor
from torch.nn.functional import pad

from lightning_modules.generation.strategy import NEGATIVE_INFINITY


class Hypotheses(NamedTuple):
    """Captions of each search.

    Attributes:
        tokens_SKL: Their tokens, padded.
        log_probability_SK: log P of each; −∞ where there is none.
        score_SK: What they are ranked by, the higher the better; −∞ where there is none.
    """

    tokens_SKL: Tensor
    log_probability_SK: Tensor
    score_SK: Tensor

    @classmethod
    def missing(cls, first_S: Tensor, num: int) -> Self:
        """Return `num` missing captions of each search."""
        nothing_SK = torch.full((len(first_S), num), NEGATIVE_INFINITY, device=first_S.device)
        return cls(first_S.new_empty(len(first_S), num, 0), nothing_SK, nothing_SK)

    @classmethod
    def without_words(cls, first_S: Tensor) -> Self:
        """Return one caption without words, and certain, of each search."""
        certain_S1 = torch.zeros((len(first_S), 1), device=first_S.device)
        return cls(first_S.new_empty(len(first_S), 1, 0), certain_S1, certain_S1)

    def take(self, index_SK: Tensor) -> Self:
        """Return each search's captions of these numbers, in that order."""
        tokens_SKL = self.tokens_SKL.gather(1, index_SK[..., None].expand(-1, -1, self.tokens_SKL.shape[-1]))
        return type(self)(tokens_SKL, self.log_probability_SK.gather(1, index_SK), self.score_SK.gather(1, index_SK))

    def best(self, num: int) -> Self:
        """Return each search's `num` captions of the highest scores, the best first."""
        return self.take(self.score_SK.topk(num, dim=1).indices)

    def followed_by(self, others: Self, *, pad_id: int) -> Self:
        """Return each search's captions, and after them others of at least as many tokens."""
        missing = others.tokens_SKL.shape[-1] - self.tokens_SKL.shape[-1]
        tokens_SKL = pad(self.tokens_SKL, (0, missing), value=pad_id)
        return type(self)(
            torch.cat([tokens_SKL, others.tokens_SKL], dim=1),
            torch.cat([self.log_probability_SK, others.log_probability_SK], dim=1),
            torch.cat([self.score_SK, others.score_SK], dim=1),
        )


class Candidates(NamedTuple):
    """Words that captions could go on with, those that the search prefers first.

    Attributes:
        beam_SC: Which of the search's captions goes on.
        token_SC: With which word, or the end.
        log_probability_SC: log P of the caption that this makes; −∞ where there is none.
    """

    beam_SC: Tensor
    token_SC: Tensor
    log_probability_SC: Tensor

    @classmethod
    def highest(cls, value_SKV: Tensor, num: int) -> Self:
        """Return the `num` candidates (all if they are fewer) of the highest values; these stand for log P."""
        best = value_SKV.flatten(1).topk(min(num, value_SKV[0].numel()), dim=1)
        vocab_size = value_SKV.shape[-1]
        return cls(best.indices // vocab_size, best.indices % vocab_size, best.values)

    def take(self, index_SC: Tensor) -> Self:
        """Return each search's candidates of these numbers, in that order."""
        return type(self)(*(part_SC.gather(1, index_SC) for part_SC in self))

    def without(self, ruled_out_SC: Tensor) -> Self:
        """Return the candidates where those that are ruled out count as missing."""
        return self._replace(log_probability_SC=self.log_probability_SC.masked_fill(ruled_out_SC, NEGATIVE_INFINITY))

    def ends(self, num: int, *, eos_id: int) -> Self:
        """Return the first `num`, of which those count that end a caption."""
        first = type(self)(*(part_SC[:, :num] for part_SC in self))
        return first.without(first.token_SC != eos_id)

    def continuations(self, num: int, *, eos_id: int) -> Self:
        """Return the first `num` that do not end a caption."""
        first = self.take((self.token_SC == eos_id).to(torch.uint8).argsort(dim=1, stable=True)[:, :num])
        return first.without(first.token_SC == eos_id)

    def captions(self, tokens_SKT: Tensor) -> Tensor:
        """Return the captions that this makes of those before: `tokens_SCL`, L = T + 1."""
        before_SCT = tokens_SKT.gather(1, self.beam_SC[..., None].expand(-1, -1, tokens_SKT.shape[-1]))
        return torch.cat([before_SCT, self.token_SC[..., None]], dim=-1)
