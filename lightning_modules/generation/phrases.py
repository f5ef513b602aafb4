"""Words that captions must contain, as sequences of tokens.

Shape legend: S searches, K captions of each, T tokens so far, P phrases, W tokens of the longest phrase,
V vocabulary.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor
from torch.nn.functional import pad

NO_TOKEN = -1  # stands where a phrase has ended
PAST_END = -2  # stands where a caption has ended


class Phrases(NamedTuple):
    """Phrases that the captions of each search must contain.

    Attributes:
        tokens_SPW: Their tokens, filled up with `NO_TOKEN`.
        lengths_SP: How many those are; 0 where a search wants fewer phrases than another.
        most_tokens: How many tokens the phrases of one search have together, at most.
    """

    tokens_SPW: Tensor
    lengths_SP: Tensor
    most_tokens: int

    @classmethod
    def of(cls, constraints: Sequence[Sequence[Sequence[int]]], *, device: torch.device | str) -> Self:
        """Make them from each search's list of phrases."""
        most = max(map(len, constraints))
        longest = max(len(phrase) for phrases in constraints for phrase in phrases)
        rows = [[*map(list, phrases), *[[]] * (most - len(phrases))] for phrases in constraints]
        filled = [[[*phrase, *[NO_TOKEN] * (longest - len(phrase))] for phrase in phrases] for phrases in rows]
        lengths = [[len(phrase) for phrase in phrases] for phrases in rows]
        most_tokens = max(map(sum, lengths))
        return cls(torch.tensor(filled, device=device), torch.tensor(lengths, device=device), most_tokens)

    def satisfied(self, tokens_SKT: Tensor) -> Tensor:
        """Return which phrases each caption contains: [S, K, P]."""
        width = self.tokens_SPW.shape[-1]
        windows_SKTW = pad(tokens_SKT, (0, width), value=PAST_END).unfold(-1, width, 1)
        phrases_S11PW = self.tokens_SPW[:, None, None]
        equal_SKTPW = (windows_SKTW.unsqueeze(3) == phrases_S11PW) | (phrases_S11PW == NO_TOKEN)
        return equal_SKTPW.all(dim=-1).any(dim=2)

    def newly_satisfied(self, tokens_SKT: Tensor) -> Tensor:
        """Return which phrases each caption contains for the first time with its last token: [S, K, P]."""
        return self.satisfied(tokens_SKT) & ~self.satisfied(tokens_SKT[..., :-1])

    def all_satisfied(self, tokens_SKT: Tensor) -> Tensor:
        """Return which captions contain all phrases: [S, K]."""
        return self.satisfied(tokens_SKT).all(dim=-1)

    def num_satisfied_tokens(self, tokens_SKT: Tensor) -> Tensor:
        """Return how many tokens the phrases that each caption contains have together: [S, K]."""
        return (self.satisfied(tokens_SKT) * self.lengths_SP.unsqueeze(1)).sum(dim=-1)

    def progress(self, tokens_SKT: Tensor, vocab_size: int) -> Tensor:
        """Return how far each next token would bring a caption in a phrase that it does not contain yet: [S, K, V].

        In tokens: 1 begins a phrase, its length completes it, 0 is any other token.
        """
        num_tokens, width = tokens_SKT.shape[-1], self.tokens_SPW.shape[-1]
        unsatisfied_SKP = ~self.satisfied(tokens_SKT)
        progress_SKV = torch.zeros((*tokens_SKT.shape[:2], vocab_size), dtype=torch.int, device=tokens_SKT.device)
        for i in range(min(width, num_tokens + 1)):
            begun_SKPi = tokens_SKT[:, :, None, num_tokens - i :] == self.tokens_SPW[:, None, :, :i]
            continues_SKP = unsatisfied_SKP & begun_SKPi.all(dim=-1) & (self.lengths_SP > i).unsqueeze(1)
            next_SKP = self.tokens_SPW[:, None, :, i].clamp(min=0).expand_as(continues_SKP)
            progress_SKV.scatter_reduce_(2, next_SKP, (i + 1) * continues_SKP.int(), "amax")
        return progress_SKV
