"""Mutual BLEU: how much of an image's caption its other captions repeat; lower is more diverse.

Shape legend: N captions, image by image, B images, O = 4 orders of n-grams, K distinct n-grams of each caption.
"""

import numpy as np

from metrics.bleu import BleuStatistics, corpus_bleu, sentence_bleu
from metrics.diversity.caption_sets import CaptionSets
from metrics.ngrams import Floats, Integers, NgramCounts


def mean_mutual_bleu(sets: CaptionSets) -> Floats:
    """Return mBLEU-1 to mBLEU-4 of each image, 0 to 1: [B, 4].

    The mean over its captions of sentence BLEU against its other captions (Wang, Schwing and Lazebnik 2017, "Diverse
    and accurate image description using a variational auto-encoder with an additive Gaussian encoding space").
    """
    score_NO = sentence_bleu(mutual_bleu_statistics(sets))
    columns = [np.bincount(sets.image_of_caption_N, score_N) for score_N in score_NO.T]
    return np.stack(columns, axis=1) / sets.counts_B[:, None]


def slot_mutual_bleu(sets: CaptionSets) -> Floats:
    """Return mBLEU-1 to mBLEU-4 of the data set, 0 to 1: [4].

    Corpus BLEU of the images' first captions against the others of their images, of the second ones, and so on, and
    the mean of these (Shetty et al. 2017, section 5.3; Luo and Shakhnarovich 2020). Where images have differing numbers
    of captions, a slot weighs as much as it has captions.
    """
    statistics = mutual_bleu_statistics(sets)
    sizes = np.bincount(sets.slot_of_caption_N)
    slots = [sets.slot_of_caption_N == slot for slot in range(len(sizes))]
    scores_SO = np.stack([corpus_bleu(BleuStatistics(*(part[slot] for part in statistics))) for slot in slots])
    return np.average(scores_SO, axis=0, weights=sizes)


def mutual_bleu_statistics(sets: CaptionSets) -> BleuStatistics:
    """Return what BLEU needs to know of each caption, with the other captions of its image for references."""
    matches = [_matches_with_others(counts, sets) for counts in sets.ngrams]
    totals_NO = np.maximum(sets.lengths_N[:, None] - np.arange(len(matches)), 0)
    return BleuStatistics(np.stack(matches, axis=1), totals_NO, sets.lengths_N, _closest_other_lengths(sets))


def _matches_with_others(counts: NgramCounts, sets: CaptionSets) -> Integers:
    """Return for each caption Σ over its n-grams of min(its count, the most that another caption has)."""
    matches_K = np.minimum(counts.count_K, _most_of_others(counts.keys(sets.image_of_caption_N), counts.count_K))
    return np.bincount(counts.caption_K, matches_K, len(sets.captions)).astype(np.int64)


def _most_of_others(key_K: Integers, count_K: Integers) -> Integers:
    """Return for each entry the largest count of the other entries of its key, 0 where there is none.

    That is the largest of all, or the second largest for the entry that has the largest itself: two numbers a key
    serve all of its captions.
    """
    order_K = np.lexsort((count_K, key_K))
    key_K, count_K = key_K[order_K], count_K[order_K]
    last_K = np.append(key_K[1:] != key_K[:-1], True)[: len(key_K)]  # of its key: it has the largest count
    largest_K = count_K[last_K][np.cumsum(last_K) - last_K]
    second_K = np.append(0, np.where(last_K[:-1], 0, count_K[:-1]))[: len(key_K)]  # where last, the one before
    others_K = np.empty_like(count_K)
    others_K[order_K] = np.where(last_K, second_K, largest_K)
    return others_K


def _closest_other_lengths(sets: CaptionSets) -> Integers:
    """Return for each caption the length of its image's other caption closest in length; of two the shorter.

    In the order of lengths that is the caption before or the one after.
    """
    order_N = np.lexsort((sets.lengths_N, sets.image_of_caption_N))
    length_N, image_N = sets.lengths_N[order_N], sets.image_of_caption_N[order_N]
    same_M = image_N[1:] == image_N[:-1]
    far = 2 * int(length_N.max(initial=0)) + 2  # farther than any caption
    shorter_N = np.append(-far, np.where(same_M, length_N[:-1], -far))
    longer_N = np.append(np.where(same_M, length_N[1:], far), far)
    closest_N = np.empty_like(length_N)
    closest_N[order_N] = np.where(length_N - shorter_N <= longer_N - length_N, shorter_N, longer_N)
    return closest_N
