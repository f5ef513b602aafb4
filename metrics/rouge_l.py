"""ROUGE-L as the COCO caption evaluation counts it.

Lin, "ROUGE: A Package for Automatic Evaluation of Summaries" (2004), section 3.

Shape legend: N candidates, B images, X references of the image that has most.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from metrics.ngrams import Floats, Integers, Tokens
from metrics.paired_captions import PairedCaptions

BETA = 1.2  # of coco-caption: recall weighs more than precision


def rouge_l(pairs: PairedCaptions, beta: float = BETA) -> Floats:
    """Return ROUGE-L of each candidate: [N], 0 to 1.

    (1 + β²) R P / (R + β² P) (Lin 2004, equation 4), where P and R are the longest common subsequence's share of the
    candidate's and of the reference's words, each that of the reference for which it is largest: as in the COCO
    evaluation, not always the same one. An empty caption counts as one word that only an empty caption has.

    Args:
        pairs: Candidates and references.
        beta: Weight of recall.
    """
    common_NX = _common_lengths(pairs)
    reference_NX = np.maximum(pairs.reference_lengths_BX, 1)[pairs.image_of_candidate_N]
    precision_N = common_NX.max(axis=1) / np.maximum(pairs.candidate_lengths_N, 1)
    recall_N = (common_NX / reference_NX).max(axis=1)
    weighed_N = recall_N + beta**2 * precision_N
    return (1 + beta**2) * precision_N * recall_N / np.where(weighed_N > 0, weighed_N, 1)


def common_subsequences(candidates: Iterable[Tokens], references: Sequence[Tokens]) -> list[list[int]]:
    """Return for each candidate the length of its longest common subsequence with each reference.

    Bit-parallel (Crochemore et al., "A fast and practical bit-vector algorithm for the longest common subsequence
    problem", 2001): a bit for each word of a reference, set until a common subsequence grows there. The references
    stand in a row in one integer, an unused bit between them that keeps the sum's carries apart.
    """
    places, words_of = _lay_out(references)
    all_words = sum(words_of)
    grown = (_grown(candidate, places, all_words) for candidate in candidates)
    return [[(bits & words).bit_count() for words in words_of] for bits in grown]


def _lay_out(references: Sequence[Tokens]) -> tuple[dict[str, int], list[int]]:
    """Return where each word stands in the row of references, and where each reference does, as bits."""
    places: dict[str, int] = {}
    words_of = []
    bit = 1
    for reference in references:
        first = bit
        for word in reference:
            places[word] = places.get(word, 0) | bit
            bit <<= 1
        words_of.append(bit - first)
        bit <<= 1
    return places, words_of


def _grown(candidate: Tokens, places: dict[str, int], all_words: int) -> int:
    """Return the places where the longest common subsequence grew, as bits."""
    waiting = all_words
    for word in candidate:
        found = waiting & places.get(word, 0)
        if found:
            waiting = ((waiting + found) | (waiting - found)) & all_words
    return all_words & ~waiting


def _common_lengths(pairs: PairedCaptions) -> Integers:
    """Return the length of the longest common subsequence with each reference: [N, X], 0 beyond the references."""
    common_NX = np.zeros((len(pairs.candidates), pairs.reference_lengths_BX.shape[1]), dtype=np.int64)
    empty = ("",)
    of_image: dict[int, list[int]] = {}
    for candidate, image in enumerate(pairs.image_of_candidate_N.tolist()):
        of_image.setdefault(image, []).append(candidate)
    for image, rows in of_image.items():
        references = [caption or empty for caption in pairs.references[image]]
        candidates = (pairs.candidates[row] or empty for row in rows)
        common_NX[rows, : len(references)] = common_subsequences(candidates, references)
    return common_NX
