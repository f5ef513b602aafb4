"""Which words one group of captions uses and another does not."""

import math
from collections.abc import Mapping
from typing import NamedTuple


class WordOdds(NamedTuple):
    """How much a word belongs to the first of two groups of texts.

    Attributes:
        word: The word.
        log_odds: log of its odds in the first group over those in the second, in nats.
        z_score: The same in its standard deviations: beyond ±1.96 it is no accident, at 95 % for a single word.
        first: How often the first group has it.
        second: How often the second group has it.
    """

    word: str
    log_odds: float
    z_score: float
    first: int
    second: int


def log_odds_ratios(first: Mapping[str, int], second: Mapping[str, int], prior: Mapping[str, float]) -> list[WordOdds]:
    """Return the log-odds ratio, with an informative Dirichlet prior, of each word of either group; falling z-scores.

    Monroe, Colaresi and Quinn 2008, "Fightin' Words", equations 16 to 22: δ_w = log (y_w¹ + α_w) / (n¹ + α_0 − y_w¹ −
    α_w) − the same of group 2, its variance about 1 / (y_w¹ + α_w) + 1 / (y_w² + α_w). The prior draws rare words
    towards their share in the language at large; equal z-scores come in alphabetical order.

    Args:
        first: How often each word is in the first group.
        second: How often each word is in the second group.
        prior: α_w, pseudo-counts of each word of either group, and of any others.

    Raises:
        ValueError: A word has no positive pseudo-count, or there is but one word.
    """
    missing = [word for word in {**first, **second} if prior.get(word, 0) <= 0]
    if missing:
        raise ValueError(f"expected a positive pseudo-count of each word in the prior, got none of {missing[0]!r}")
    if len(prior) < 2:
        raise ValueError(f"expected pseudo-counts of two words or more, to compare them, got {len(prior)}")
    all_prior = sum(prior.values())
    all_first, all_second = sum(first.values()) + all_prior, sum(second.values()) + all_prior
    ratios = []
    for word in {**first, **second}:
        in_first, in_second = first.get(word, 0) + prior[word], second.get(word, 0) + prior[word]
        delta = math.log(in_first / (all_first - in_first)) - math.log(in_second / (all_second - in_second))
        z_score = delta / math.sqrt(1 / in_first + 1 / in_second)
        ratios.append(WordOdds(word, delta, z_score, first.get(word, 0), second.get(word, 0)))
    return sorted(ratios, key=lambda ratio: (-ratio.z_score, ratio.word))


def dirichlet_prior(counts: Mapping[str, int], strength: float) -> dict[str, float]:
    """Return pseudo-counts α_w in proportion to how often words are used at large; all together are `strength`."""
    total = sum(counts.values())
    return {word: strength * count / total for word, count in counts.items() if count}
