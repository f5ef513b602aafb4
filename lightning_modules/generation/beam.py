"""Beam search over all images at once.

Shape legend: S searches, K live captions of each, N = S · K captions, T tokens so far, L tokens, C candidates,
V vocabulary.
"""

from typing import Any, TypedDict

import torch
from torch import Tensor

from lightning_modules.generation.filtering import forbid_repeated_ngrams
from lightning_modules.generation.hypotheses import Candidates, Hypotheses
from lightning_modules.generation.selection import rows_in_sets
from lightning_modules.generation.strategy import (
    NEGATIVE_INFINITY,
    Generated,
    SpecialTokens,
    Stepper,
    Strategy,
)
from utils.require import require


class BeamOptions(TypedDict, total=False):
    """What every beam search hands on to `Beam`, which has the defaults."""

    length_penalty: float
    min_length: int
    no_repeat_ngram: int | None
    max_length: int


class Beam(Strategy):
    """The likeliest captions, searched for `beam_size` at a time from the means of the codes.

    At each step the 2 · `beam_size` likeliest continuations are looked at: ends among the first `beam_size` are
    finished captions and leave the beam; the first `beam_size` others are the next beam. Of the finished ones the `num`
    best are kept, by log P / ((5 + length) / 6)^`length_penalty` (Wu et al. 2016, equation 14; `<eos>` counts). A
    search is over when nothing in its beam can become better than the worst of those.

    Where fewer are finished at `max_length`, the best unfinished ones fill up; where those, too, are too few, the
    best caption again.

    Args:
        beam_size: Captions in the beam.
        num: Captions of each image.
        length_penalty: The exponent; 0 ranks by log P alone, which favours short captions.
        min_length: Fewest tokens of a caption before its end.
        no_repeat_ngram: Never generate that many tokens in a row twice, unless nothing else is left; None allows it.
        max_length: Most tokens of a caption, `<eos>` included.

    Raises:
        ValueError: A number is out of its range.
    """

    def __init__(
        self,
        *,
        beam_size: int = 5,
        num: int = 1,
        length_penalty: float = 0.6,
        min_length: int = 1,
        no_repeat_ngram: int | None = None,
        max_length: int = 40,
    ) -> None:
        require(beam_size >= 1, "generation.beam_size", "at least 1", beam_size)
        require(1 <= num <= beam_size, "generation.num", f"from 1 to beam_size={beam_size}", num)
        require(length_penalty >= 0, "generation.length_penalty", "0 or more", length_penalty)
        require(max_length >= 1, "generation.max_length", "at least 1", max_length)
        require(
            1 <= min_length <= max_length, "generation.min_length", f"from 1 to max_length={max_length}", min_length
        )
        require(
            no_repeat_ngram is None or no_repeat_ngram >= 1, "generation.no_repeat_ngram", "at least 1", no_repeat_ngram
        )
        self.num = num
        self.beam_size = beam_size
        self.length_penalty = length_penalty
        self.min_length = min_length
        self.no_repeat_ngram = no_repeat_ngram
        self.max_length = max_length

    def __call__(self, stepper: Stepper, state: Any, first_N: Tensor, special: SpecialTokens) -> Generated:
        return self._search(stepper, state, first_N, special, width=self.beam_size, num=self.num)

    def _search(
        self, stepper: Stepper, state: Any, first_S: Tensor, special: SpecialTokens, *, width: int, num: int
    ) -> Generated:
        """Search with `width` beams from each row of the state; returns `num` captions of each."""
        live, finished = Hypotheses.without_words(first_S), Hypotheses.missing(first_S, num)
        over_S1 = first_S.new_zeros((len(first_S), 1), dtype=torch.bool)
        tokens_N = first_S
        while True:
            logits_NV, state = stepper.step(tokens_N, state)
            num_live = live.score_SK.shape[1]
            log_p_SKV = logits_NV.float().log_softmax(dim=-1).unflatten(0, (-1, num_live))
            candidates = self._candidates(log_p_SKV, live, special, width)
            ends = candidates.ends(width, eos_id=special.eos_id).without(over_S1)
            finished = finished.followed_by(self._extend(live, ends), pad_id=special.pad_id).best(num)
            # each caption has one end at most; a tiny vocabulary may leave fewer words than beams
            num_next = min(width, candidates.token_SC.shape[1] - num_live)
            going_on = candidates.continuations(num_next, eos_id=special.eos_id)
            live = self._extend(live, going_on)
            over_S1 = finished.score_SK[:, -1:] >= self._best_possible_score(live)
            if over_S1.all() or live.tokens_SKL.shape[-1] == self.max_length:
                return self._results(live, finished, special)
            state = state.select(rows_in_sets(going_on.beam_SC, num_live))
            tokens_N = live.tokens_SKL[..., -1].flatten()

    def _candidates(self, log_p_SKV: Tensor, live: Hypotheses, special: SpecialTokens, width: int) -> Candidates:
        """Return twice as many candidates as beams, those first that the search prefers: here, the likeliest."""
        allowed_SKV = self._allow(log_p_SKV, live, special)
        best_SKC = allowed_SKV.topk(min(2 * width, allowed_SKV.shape[-1]), dim=-1)  # no caption has more among them
        candidates = Candidates.highest(live.log_probability_SK[..., None] + best_SKC.values, 2 * width)
        number_SC = candidates.beam_SC * best_SKC.values.shape[-1] + candidates.token_SC
        return candidates._replace(token_SC=best_SKC.indices.flatten(1).gather(1, number_SC))

    def _allow(self, log_p_SKV: Tensor, live: Hypotheses, special: SpecialTokens) -> Tensor:
        """Return the log-probabilities of the next words, those that may not be generated at −∞."""
        suppressed_ids = torch.tensor(special.suppressed_ids, device=log_p_SKV.device)
        allowed_SKV = log_p_SKV.index_fill(-1, suppressed_ids, NEGATIVE_INFINITY)
        tokens_NT = live.tokens_SKL.flatten(0, 1)
        if tokens_NT.shape[1] < self.min_length:
            allowed_SKV[..., special.eos_id] = NEGATIVE_INFINITY
        if self.no_repeat_ngram is not None:
            allowed_NV = allowed_SKV.flatten(0, 1)
            allowed_NV = forbid_repeated_ngrams(allowed_NV, tokens_NT, self.no_repeat_ngram, pad_id=special.pad_id)
            allowed_SKV = allowed_NV.view_as(allowed_SKV)
        return allowed_SKV

    def _is_presentable(self, live: Hypotheses) -> Tensor:
        """Return which captions may be results although they are unfinished: [S, K]."""
        return torch.ones_like(live.score_SK, dtype=torch.bool)

    def _extend(self, live: Hypotheses, candidates: Candidates) -> Hypotheses:
        tokens_SCL = candidates.captions(live.tokens_SKL)
        nats_SC = candidates.log_probability_SC
        return Hypotheses(tokens_SCL, nats_SC, nats_SC / self._length_divisor(tokens_SCL.shape[-1]))

    def _best_possible_score(self, live: Hypotheses) -> Tensor:
        """Return what no continuation of a search's live captions can surpass: [S, 1]; log P only ever falls."""
        return live.log_probability_SK.amax(dim=1, keepdim=True) / self._length_divisor(self.max_length)

    def _length_divisor(self, length: int) -> float:
        return ((5 + length) / 6) ** self.length_penalty

    def _results(self, live: Hypotheses, finished: Hypotheses, special: SpecialTokens) -> Generated:
        """Return the finished captions and, where they are too few, the best of the others behind them."""
        num = finished.score_SK.shape[1]
        presentable_SK = self._is_presentable(live)
        nothing_S1 = finished.score_SK[:, :1].isneginf() & ~presentable_SK.any(dim=1, keepdim=True)
        presentable_SK = presentable_SK | nothing_S1  # a caption that is not as it should be is better than none
        score_SK = live.score_SK.masked_fill(~presentable_SK, NEGATIVE_INFINITY)
        ranked = live._replace(score_SK=score_SK).best(score_SK.shape[1])
        everything = finished.followed_by(ranked, pad_id=special.pad_id)
        missing_SC = everything.score_SK.isneginf()
        best_SF = missing_SC.to(torch.uint8).argsort(dim=1, stable=True)[:, :num]  # in their order, without gaps
        best_SF = torch.where(missing_SC.gather(1, best_SF), best_SF[:, :1], best_SF)  # still too few: the best again
        results = everything.take(best_SF)
        tokens_NL = results.tokens_SKL.flatten(0, 1)
        longest = int(tokens_NL.not_equal(special.pad_id).sum(dim=1).max())
        return Generated(
            tokens_NL[:, :longest],
            results.log_probability_SK.flatten(),
            results.score_SK.flatten(),
            (best_SF < num).flatten(),
        )
