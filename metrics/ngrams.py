"""N-grams of many captions at once, as arrays: what BLEU, CIDEr and the diversity metrics count.

Shape legend: N captions, T tokens of all captions in a row, S n-grams of all captions in a row, K distinct n-grams
of each caption, one caption after the other, G distinct n-grams of all captions.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Tokens = Sequence[str]
"""A caption as its words."""

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class NgramCounts(NamedTuple):
    """How often each caption contains each n-gram of one order.

    Attributes:
        caption_K: The caption's number; non-decreasing.
        ngram_K: The n-gram's number, the same in all captions; increasing within a caption.
        count_K: How often the caption contains it, at least 1.
        where_G: For each n-gram, by number, where in the row of all tokens it is; the last such place.
    """

    caption_K: Integers
    ngram_K: Integers
    count_K: Integers
    where_G: Integers

    def keys(self, group_of_caption: Integers) -> Integers:
        """Return one number for each (group of captions, n-gram), with groups numbered from 0: [K]."""
        return group_of_caption[self.caption_K] * len(self.where_G) + self.ngram_K


def count_ngrams(captions: Sequence[Tokens], max_order: int) -> list[NgramCounts]:
    """Count the 1-grams, 2-grams, … of each caption up to `max_order` words.

    Numbers of n-grams can be compared within one call only.
    """
    length_N, word_T, num_words = _number_words(captions)
    caption_T = np.repeat(np.arange(len(captions)), length_N)
    end_T = np.repeat(np.cumsum(length_N), length_N)
    start_S, ngram_S = np.arange(len(word_T)), word_T
    counts = [_count(caption_T, start_S, ngram_S, num_words)]
    for order in range(2, max_order + 1):
        fits_S = start_S + order <= end_T[start_S]
        start_S = start_S[fits_S]
        longer_S = ngram_S[fits_S] * max(num_words, 1) + word_T[start_S + order - 1]
        distinct, ngram_S = np.unique(longer_S, return_inverse=True)
        counts.append(_count(caption_T[start_S], start_S, ngram_S, len(distinct)))
    return counts


def lengths(captions: Sequence[Tokens]) -> Integers:
    """Return the number of words of each caption: [N]."""
    return np.fromiter(map(len, captions), dtype=np.int64, count=len(captions))


def distinct_keys(keys: Integers) -> Integers:
    """Return the distinct keys, increasing; keys are 0 or more. For these, `np.unique` hashes, which is slower."""
    keys = np.sort(keys)
    return keys[np.flatnonzero(np.diff(keys, prepend=-1))]


def most_by_key(keys: Integers, values: Integers) -> tuple[Integers, Integers]:
    """Return the distinct keys, increasing, and the largest value of each."""
    order = np.argsort(keys)
    keys, values = keys[order], values[order]
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    return keys[first], np.maximum.reduceat(values, first) if len(first) else values


def look_up(asked: Integers, keys: Integers, values: Integers) -> Integers:
    """Return for each wanted key its value, 0 where there is none; `keys` are distinct and increasing."""
    if not len(keys):
        return np.zeros_like(asked)
    at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[at] == asked, values[at], 0)


def join(left: Integers, right: Integers) -> tuple[Integers, Integers]:
    """Return the positions in both of every pair of equal keys."""
    by_key = np.argsort(right)
    ordered = right[by_key]
    first = np.searchsorted(ordered, left, side="left")
    matches = np.searchsorted(ordered, left, side="right") - first
    at_left = np.repeat(np.arange(len(left)), matches)
    within = np.arange(len(at_left)) - np.repeat(np.cumsum(matches) - matches, matches)
    return at_left, by_key[first[at_left] + within]


def _number_words(captions: Sequence[Tokens]) -> tuple[Integers, Integers, int]:
    numbers: dict[str, int] = {}
    words = (numbers.setdefault(word, len(numbers)) for caption in captions for word in caption)
    return lengths(captions), np.fromiter(words, dtype=np.int64), len(numbers)


def _count(caption_S: Integers, start_S: Integers, ngram_S: Integers, num_ngrams: int) -> NgramCounts:
    where_G = np.empty(num_ngrams, dtype=np.int64)
    where_G[ngram_S] = start_S
    keys_K, count_K = np.unique(caption_S * max(num_ngrams, 1) + ngram_S, return_counts=True)
    caption_K, ngram_K = np.divmod(keys_K, max(num_ngrams, 1))
    return NgramCounts(caption_K, ngram_K, count_K, where_G)
