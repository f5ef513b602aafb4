"""BLEU-1 to BLEU-4 as the COCO caption evaluation counts it.

Shape legend: N candidates, O = 4 orders of n-grams, K distinct n-grams of captions, B images, R references.
"""

from typing import NamedTuple

import numpy as np

from metrics.ngrams import Floats, Integers, NgramCounts, join, look_up, most_by_key
from metrics.paired_captions import PairedCaptions

BLEU_NAMES = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4")
SMALL, TINY = 1e-9, 1e-15  # of coco-caption: keep a precision of 0/0 from failing, at 1e-6 in place of 1


class BleuStatistics(NamedTuple):
    """What BLEU needs to know of each candidate.

    Attributes:
        matches_NO: n-grams that a reference has as well, each at most as often as the reference that has most.
        totals_NO: n-grams of the candidate.
        length_N: Words of the candidate.
        reference_length_N: Words of the reference that is closest in length; of two equally close the shorter.
    """

    matches_NO: Integers
    totals_NO: Integers
    length_N: Integers
    reference_length_N: Integers


def bleu_statistics(pairs: PairedCaptions) -> BleuStatistics:
    """Count the n-grams that candidates share with their references (Papineni et al. 2002, section 2)."""
    length_N = pairs.candidate_lengths_N
    matches = [_clipped_matches(pairs, *counts) for counts in pairs.ngrams]
    totals_NO = np.maximum(length_N[:, None] - np.arange(len(matches)), 0)
    return BleuStatistics(np.stack(matches, axis=1), totals_NO, length_N, _closest_lengths(pairs))


def corpus_bleu(statistics: BleuStatistics) -> Floats:
    """Return BLEU-1 to BLEU-4 of all candidates together: [4].

    min(1, e^(1 − r/c)) · (Π_n p_n)^(1/N) with the counts, and the lengths r and c, summed over the candidates
    (Papineni et al. 2002, section 2.3).
    """
    return _bleu(*(part.sum(axis=0, keepdims=True) for part in statistics))[0]


def sentence_bleu(statistics: BleuStatistics) -> Floats:
    """Return BLEU-1 to BLEU-4 of each candidate by itself: [N, 4]; no n-gram in common gives about 0."""
    return _bleu(*statistics)


def bleu_similarities(pairs: PairedCaptions) -> Floats:
    """Return smoothed BLEU-4 of each candidate with each reference of its image by itself: [N, X], 0 beyond them.

    One is added to matches and totals of two words and more (Lin and Och 2004, section 3.2): a caption that shares no
    four words in a row has a score, too. 0 where no word is shared.
    """
    most = pairs.reference_lengths_BX.shape[1]
    totals_NO = np.maximum(pairs.candidate_lengths_N[:, None] - np.arange(len(pairs.ngrams)), 0)
    log_precision_NX = np.zeros((len(pairs.candidates), most))
    for order, (candidates, references) in enumerate(pairs.ngrams):
        at_candidate_J, at_reference_J = join(
            candidates.keys(pairs.image_of_candidate_N), references.keys(pairs.image_of_reference_R)
        )
        shared_J = np.minimum(candidates.count_K[at_candidate_J], references.count_K[at_reference_J])
        reference_J = references.caption_K[at_reference_J]
        cell_J = candidates.caption_K[at_candidate_J] * most + pairs.slot_of_reference_R[reference_J]
        matches_NX = np.bincount(cell_J, shared_J, log_precision_NX.size).reshape(log_precision_NX.shape)
        smoothing = min(order, 1)
        with np.errstate(divide="ignore"):  # no word in common: log 0
            log_precision_NX += np.log(matches_NX + smoothing) - np.log(
                np.maximum(totals_NO[:, order, None] + smoothing, 1)
            )
    length_NX = pairs.reference_lengths_BX[pairs.image_of_candidate_N]
    brevity_NX = np.minimum(1 - length_NX / np.maximum(pairs.candidate_lengths_N[:, None], 1), 0)
    return np.exp(log_precision_NX / len(pairs.ngrams) + brevity_NX)


def _bleu(matches_NO: Integers, totals_NO: Integers, length_N: Integers, reference_length_N: Integers) -> Floats:
    precision_NO = (matches_NO + TINY) / (totals_NO + SMALL)
    orders_O = np.arange(1, matches_NO.shape[1] + 1)
    score_NO = np.cumprod(precision_NO, axis=1) ** (1 / orders_O)
    ratio_N = (length_N + TINY) / (reference_length_N + SMALL)
    brevity_N = np.exp(np.minimum(1 - 1 / ratio_N, 0))
    return score_NO * brevity_N[:, None]


def _clipped_matches(pairs: PairedCaptions, candidates: NgramCounts, references: NgramCounts) -> Integers:
    """Return for each candidate Σ over its n-grams of min(its count, the most that one reference has)."""
    distinct, most = most_by_key(references.keys(pairs.image_of_reference_R), references.count_K)
    allowed_K = look_up(candidates.keys(pairs.image_of_candidate_N), distinct, most)
    matches_K = np.minimum(candidates.count_K, allowed_K)
    return np.bincount(candidates.caption_K, matches_K, len(pairs.candidates)).astype(np.int64)


def _closest_lengths(pairs: PairedCaptions) -> Integers:
    """Return for each candidate the length of its image's reference that is closest in length."""
    length_BX = pairs.reference_lengths_BX[pairs.image_of_candidate_N]
    distance_BX = np.abs(length_BX - pairs.candidate_lengths_N[:, None])
    shorter_first = length_BX.max(initial=0) + 1
    closest_N = (distance_BX * shorter_first + length_BX).argmin(axis=1)
    return np.take_along_axis(length_BX, closest_N[:, None], axis=1)[:, 0]
