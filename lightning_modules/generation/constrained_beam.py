"""Beam search for captions that contain given words.

Shape legend: S searches, K live captions of each, T tokens so far, C candidates, V vocabulary, X some words.
"""

from collections.abc import Sequence
from copy import copy
from typing import Unpack

import torch
from torch import Tensor

from lightning_modules.generation.beam import Beam, BeamOptions
from lightning_modules.generation.hypotheses import Candidates, Hypotheses
from lightning_modules.generation.phrases import Phrases
from lightning_modules.generation.strategy import NEGATIVE_INFINITY, Request, SpecialTokens, Strategy
from utils.require import require


class ConstrainedBeam(Beam):
    """Beam search in which every caption contains all of an image's wanted words.

    Captions compete with those that contain as many tokens of the constraints, and the places of the beam are dealt
    out in turn, from the most tokens to none: dynamic beam allocation (Post and Vilar 2018, section 3), which looks at
    the best candidates of each bank instead of at a shortlist. A caption ends only when it contains all of its
    words, and an unfinished one that lacks any is no result.

    Args:
        beam_size: Captions in the beam.
        num: Captions of each image.
        words: Words or phrases that every caption must contain, as text; see `Strategy.bind`.
        options: See `Beam`; `no_repeat_ngram` does not hold for the constraints.

    Raises:
        ValueError: A number is out of its range.
    """

    def __init__(
        self,
        *,
        beam_size: int = 10,
        num: int = 1,
        words: Sequence[str] = (),
        **options: Unpack[BeamOptions],
    ) -> None:
        super().__init__(beam_size=beam_size, num=num, **options)
        self.words = tuple(words)
        self._phrases: Phrases | None = None
        self._continuing = torch.empty(0, dtype=torch.long)

    def bind(self, request: Request) -> Strategy:
        """Return the same search for captions that contain the phrases of a batch; repeated ones count once.

        Raises:
            ValueError: The phrases leave no room for the end of a caption.
        """
        different = [sorted({tuple(phrase) for phrase in phrases}) for phrases in request.constraints]
        most = max((sum(map(len, phrases)) for phrases in different), default=0)
        longer = f"above the {most} tokens of the words"
        require(most < self.max_length, "generation.max_length", longer, self.max_length)
        search = copy(self)
        search.words = ()  # the phrases stand for them from here on
        search._phrases = Phrases.of(different, device=request.device) if most else None
        search._continuing = torch.tensor([*request.continuing], dtype=torch.long, device=request.device)
        return search

    def _candidates(self, log_p_SKV: Tensor, live: Hypotheses, special: SpecialTokens, width: int) -> Candidates:
        phrases, tokens_SKT = self._phrases, live.tokens_SKL
        if phrases is None:
            assert not self.words, "the words have no tokens yet: call `bind` first"
            return super()._candidates(log_p_SKV, live, special, width)
        progress_SKV = phrases.progress(tokens_SKT, log_p_SKV.shape[-1])
        allowed_SKV = torch.where(progress_SKV > 0, log_p_SKV, self._allow(log_p_SKV, live, special))
        allowed_SKV[..., special.eos_id].masked_fill_(~phrases.all_satisfied(tokens_SKT), NEGATIVE_INFINITY)
        if len(self._continuing):
            just_satisfied_SK1 = phrases.newly_satisfied(tokens_SKT).any(dim=-1, keepdim=True)
            left_SKX = allowed_SKV[..., self._continuing].masked_fill(just_satisfied_SK1, NEGATIVE_INFINITY)
            allowed_SKV[..., self._continuing] = left_SKX
        bank_SKV = phrases.num_satisfied_tokens(tokens_SKT).unsqueeze(-1) + progress_SKV
        total_SKV = live.log_probability_SK[..., None] + allowed_SKV
        return deal(total_SKV, bank_SKV, num_banks=phrases.most_tokens + 1, num=2 * width)

    def _is_presentable(self, live: Hypotheses) -> Tensor:
        if self._phrases is None:
            return super()._is_presentable(live)
        return self._phrases.all_satisfied(live.tokens_SKL)


def deal(total_SKV: Tensor, bank_SKV: Tensor, *, num_banks: int, num: int) -> Candidates:
    """Return `num` candidates of each search: one of each bank, from the highest to 0, then a second of each, ….

    Each bank gives its likeliest first; banks that have none left are passed over.
    """
    banks = [
        Candidates.highest(total_SKV.masked_fill(bank_SKV != bank, NEGATIVE_INFINITY), num)
        for bank in reversed(range(num_banks))
    ]
    in_turn = Candidates(*(torch.stack(parts, dim=2).flatten(1) for parts in zip(*banks, strict=True)))
    missing_SC = in_turn.log_probability_SC.isneginf().to(torch.uint8)
    return in_turn.take(missing_SC.argsort(dim=1, stable=True)[:, :num])
