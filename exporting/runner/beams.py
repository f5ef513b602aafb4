"""Captions that a search with beams holds.

Shape legend: S searches, K captions of each, L tokens, T tokens so far.
"""

from typing import NamedTuple

import numpy as np

from exporting.runner.words import Array


def length_divisor(length: int, length_penalty: float) -> float:
    """Return ((5 + length) / 6)^length_penalty (Wu et al. 2016, equation 14); the end counts."""
    return float(((5 + length) / 6) ** length_penalty)


class Hypotheses(NamedTuple):
    """Captions of each search.

    Attributes:
        tokens_SKL: Their tokens, padded.
        nats_SK: log P of each; −∞ where there is none.
        score_SK: What they are ranked by; −∞ where there is none.
    """

    tokens_SKL: Array
    nats_SK: Array
    score_SK: Array

    @classmethod
    def empty(cls, num_searches: int, num: int, nats: float) -> "Hypotheses":
        """Return `num` captions of each search without a word."""
        nats_SK = np.full((num_searches, num), nats, dtype=np.float32)
        return cls(np.empty((num_searches, num, 0), dtype=np.int64), nats_SK, nats_SK)

    def extended(self, beam_SK: Array, token_SK: Array, nats_SK: Array, divisor: float) -> "Hypotheses":
        """Return captions that are those of `beam_SK` and a token more."""
        before_SKT = np.take_along_axis(self.tokens_SKL, beam_SK[..., None], axis=1)
        tokens_SKL = np.concatenate([before_SKT, token_SK[..., None]], axis=2)
        return Hypotheses(tokens_SKL, nats_SK, nats_SK / np.float32(divisor))

    def take(self, index_SK: Array) -> "Hypotheses":
        """Return each search's captions of these numbers, in that order."""
        tokens_SKL = np.take_along_axis(self.tokens_SKL, index_SK[..., None], axis=1)
        return Hypotheses(tokens_SKL, *(np.take_along_axis(part, index_SK, axis=1) for part in self[1:]))

    def best(self, num: int) -> "Hypotheses":
        """Return each search's `num` captions of the highest scores, the best first."""
        return self.take((-self.score_SK).argsort(axis=1, kind="stable")[:, :num])

    def followed_by(self, others: "Hypotheses", pad_id: int) -> "Hypotheses":
        """Return each search's captions, and after them others of at least as many tokens."""
        missing = others.tokens_SKL.shape[2] - self.tokens_SKL.shape[2]
        tokens_SKL = np.pad(self.tokens_SKL, ((0, 0), (0, 0), (0, missing)), constant_values=pad_id)
        parts = zip((tokens_SKL, *self[1:]), others, strict=True)
        return Hypotheses(*(np.concatenate(both, axis=1) for both in parts))

    def filled_up(self, live: "Hypotheses", pad_id: int) -> "Hypotheses":
        """Return these captions and, where they are too few, the best of the live ones behind them."""
        num = self.score_SK.shape[1]
        everything = self.followed_by(live.best(live.score_SK.shape[1]), pad_id)
        missing_SC = np.isneginf(everything.score_SK)
        best_SK = missing_SC.argsort(axis=1, kind="stable")[:, :num]
        absent_SK = np.take_along_axis(missing_SC, best_SK, axis=1)
        return everything.take(np.where(absent_SK, best_SK[:, :1], best_SK))  # still too few: the best again
