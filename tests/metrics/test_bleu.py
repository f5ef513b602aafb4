"""BLEU against counting by Python's counters and against values worked out by hand."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from metrics import PairedCaptions, bleu_similarities, bleu_statistics, corpus_bleu, sentence_bleu
from tests.metrics.plain_bleu import smoothed_bleu
from tests.metrics.random_captions import random_pairs


def _ngrams(caption: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(caption[start : start + order]) for start in range(len(caption) - order + 1))


def _statistics(caption: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[list[int], list[int], int]:
    """Return matches and n-grams of each order, and the closest reference's length."""
    matches = []
    for order in range(1, 5):
        most: Counter[tuple[str, ...]] = Counter()
        for reference in references:
            most |= _ngrams(reference, order)
        matches.append((_ngrams(caption, order) & most).total())
    totals = [max(len(caption) - order, 0) for order in range(4)]
    return matches, totals, min((abs(len(ref) - len(caption)), len(ref)) for ref in references)[1]


@pytest.mark.parametrize("seed", range(3))
def test_statistics_by_brute_force(seed: int) -> None:
    pairs = random_pairs(seed)
    statistics = bleu_statistics(pairs)
    assert len(pairs.candidates) > 20
    for row, image in enumerate(pairs.image_of_candidate_N):
        matches, totals, closest = _statistics(pairs.candidates[row], pairs.references[image])
        assert statistics.matches_NO[row].tolist() == matches
        assert statistics.totals_NO[row].tolist() == totals
        assert statistics.reference_length_N[row] == closest
        assert statistics.length_N[row] == len(pairs.candidates[row])


def test_hand_values() -> None:
    # 5 of 6 words; pairs "the cat", "on the", "the mat": 3 of 5; one of 4 triples, "on the mat"; no four in a row
    candidate, reference = ("the", "cat", "sat", "on", "the", "mat"), ("the", "cat", "is", "on", "the", "mat")
    pairs = PairedCaptions([candidate], [[reference]])
    expected = [5 / 6, (5 / 6 * 3 / 5) ** (1 / 2), (5 / 6 * 3 / 5 * 1 / 4) ** (1 / 3), 0]
    assert corpus_bleu(bleu_statistics(pairs)) == pytest.approx(expected, abs=1e-3)


def test_a_short_candidate_pays_for_its_brevity() -> None:
    pairs = PairedCaptions([("a", "b")], [[("a", "b", "c", "d", "e"), ("a",) * 9]])
    assert sentence_bleu(bleu_statistics(pairs))[0, :2] == pytest.approx([math.exp(1 - 5 / 2)] * 2)
    longer = PairedCaptions([("a", "b", "c", "d", "e", "f")], [[("a", "b", "c", "d", "e")]])
    assert sentence_bleu(bleu_statistics(longer))[0, 0] == pytest.approx(5 / 6)


def test_of_two_references_as_close_the_shorter_counts() -> None:
    pairs = PairedCaptions([("a",) * 4], [[("a",) * 5, ("a",) * 3]])
    assert bleu_statistics(pairs).reference_length_N.tolist() == [3]


def test_a_data_set_is_scored_by_its_sums_not_by_the_mean_of_captions() -> None:
    pairs = PairedCaptions([("a",), ("b", "c", "d")], [[("a",)], [("x", "y", "z")]])
    statistics = bleu_statistics(pairs)
    assert corpus_bleu(statistics)[0] == pytest.approx(1 / 4)
    assert sentence_bleu(statistics)[:, 0] == pytest.approx([1, 0])


def test_a_candidate_that_is_a_reference_scores_one() -> None:
    pairs = PairedCaptions([tuple("abcde")], [[tuple("vwxyz"), tuple("abcde")]])
    assert corpus_bleu(bleu_statistics(pairs)) == pytest.approx([1, 1, 1, 1])


def test_an_empty_candidate_scores_nothing_and_lengthens_the_references() -> None:
    with_empty = PairedCaptions([(), tuple("abcd")], [[("a", "b")], [tuple("abcd")]])
    assert sentence_bleu(bleu_statistics(with_empty))[0].tolist() == [0, 0, 0, 0]
    assert corpus_bleu(bleu_statistics(with_empty)) == pytest.approx([math.exp(1 - 6 / 4)] * 4)


def test_no_caption_has_no_statistics() -> None:
    statistics = bleu_statistics(PairedCaptions([], [[("a",)]], []))
    assert [len(part) for part in statistics] == [0, 0, 0, 0]
    assert sentence_bleu(statistics).shape == (0, 4)
    assert np.isfinite(corpus_bleu(statistics)).all()


@pytest.mark.parametrize("seed", range(2))
def test_similarities_are_smoothed_bleu_of_each_pair(seed: int) -> None:
    pairs = random_pairs(seed)
    found_NX = bleu_similarities(pairs)
    assert ((found_NX > 0) & (found_NX < 1)).sum() > 20
    for row, image in enumerate(pairs.image_of_candidate_N):
        references = pairs.references[image]
        expected = [smoothed_bleu(pairs.candidates[row], reference) for reference in references]
        assert found_NX[row].tolist() == pytest.approx([*expected, *[0.0] * (found_NX.shape[1] - len(references))])
