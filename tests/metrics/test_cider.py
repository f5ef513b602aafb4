"""CIDEr and CIDEr-D against the formulas written with Python's counters, and against values worked out by hand."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from metrics import DocumentFrequencies, PairedCaptions, cider, cider_d
from tests.metrics.random_captions import random_pairs

Vector = dict[tuple[str, ...], float]


def _vector(caption: Sequence[str], order: int, num_images: int, saying: Counter[tuple[str, ...]]) -> Vector:
    ngrams = Counter(tuple(caption[start : start + order]) for start in range(len(caption) - order + 1))
    return {ngram: count * math.log(num_images / max(saying[ngram], 1)) for ngram, count in ngrams.items()}


def _cosine(one: Vector, other: Vector, *, clipped: bool) -> float:
    shared = one.keys() & other.keys()
    product = sum((min(one[ngram], other[ngram]) if clipped else one[ngram]) * other[ngram] for ngram in shared)
    norms = math.hypot(*one.values()) * math.hypot(*other.values())
    return product / norms if norms else 0.0


def _saying(references: Sequence[Sequence[Sequence[str]]]) -> Counter[tuple[str, ...]]:
    saying: Counter[tuple[str, ...]] = Counter()
    for captions in references:
        saying.update(
            {
                tuple(caption[start : start + order])
                for caption in captions
                for order in range(1, 5)
                for start in range(len(caption) - order + 1)
            }
        )
    return saying


def _expected(
    pairs: PairedCaptions, num_images: int, saying: Counter[tuple[str, ...]], *, clipped: bool
) -> list[float]:
    scores = []
    for caption, image in zip(pairs.candidates, pairs.image_of_candidate_N, strict=True):
        total = 0.0
        for reference in pairs.references[image]:
            similarity = 0.0
            for order in range(1, 5):
                vectors = [_vector(words, order, num_images, saying) for words in (caption, reference)]
                similarity += _cosine(*vectors, clipped=clipped) / 4
            difference = max(len(caption) - 1, 0) - max(len(reference) - 1, 0)
            total += similarity * (math.exp(-(difference**2) / (2 * 6**2)) if clipped else 1)
        scores.append(10 * total / len(pairs.references[image]))
    return scores


@pytest.mark.parametrize("clipped", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_by_brute_force(seed: int, clipped: bool) -> None:
    pairs = random_pairs(seed)
    expected = _expected(pairs, len(pairs.references), _saying(pairs.references), clipped=clipped)
    assert len(set(expected)) > 10
    np.testing.assert_allclose((cider_d if clipped else cider)(pairs), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("clipped", [True, False])
def test_document_frequencies_of_another_corpus_by_brute_force(clipped: bool) -> None:
    pairs = random_pairs(5)
    other = random_pairs(6, num_images=40).references
    frequencies = DocumentFrequencies.of(other)
    unknown = [ngram for ngram in pairs.spell(4) if ngram not in frequencies.counts]
    assert 0 < len(unknown) < len(pairs.spell(4))
    expected = _expected(pairs, 40, _saying(other), clipped=clipped)
    np.testing.assert_allclose((cider_d if clipped else cider)(pairs, frequencies), expected, rtol=1e-9, atol=1e-12)


def test_the_references_own_frequencies_change_nothing() -> None:
    pairs = random_pairs(7)
    frequencies = DocumentFrequencies.of(pairs.references)
    np.testing.assert_allclose(cider_d(pairs, frequencies), cider_d(pairs), rtol=1e-12)


def test_a_candidate_equal_to_its_only_reference_scores_ten() -> None:
    pairs = PairedCaptions([tuple("abcd"), tuple("efgh")], [[tuple("abcd")], [tuple("efgh")]])
    for score in (cider, cider_d):
        assert score(pairs) == pytest.approx([10, 10])


def test_short_captions_have_no_long_ngrams() -> None:
    pairs = PairedCaptions([("a",), ("b", "c")], [[("a",)], [("b", "c")]])
    assert cider_d(pairs) == pytest.approx([10 / 4, 10 / 2])


def test_what_every_image_says_weighs_nothing() -> None:
    references = [[("a", "b")], [("a", "c")]]
    assert cider_d(PairedCaptions([("a",), ("a", "a")], references)).tolist() == [0, 0]
    # "b" and "a b" have weight log 2 in both captions, "a" none: cosines 1 and 1 of four orders
    assert cider_d(PairedCaptions([("a", "b"), ()], references)) == pytest.approx([10 * 2 / 4, 0])


def test_one_image_alone_scores_nothing() -> None:
    assert cider_d(PairedCaptions([tuple("abcd")], [[tuple("abcd")]])).tolist() == [0]


def test_repeating_a_word_helps_only_where_nothing_is_clipped() -> None:
    references = [[tuple("abcd")], [tuple("efgh")]]
    once, often = (PairedCaptions([caption, ()], references) for caption in (("a", "b"), ("a",) * 9 + ("b",)))
    assert cider_d(often)[0] < cider_d(once)[0]
    assert cider_d(often)[0] < cider(often)[0]


def test_the_difference_in_length_is_penalized() -> None:
    references = [[tuple("abcdef")], [tuple("xyz")]]
    pairs = PairedCaptions([tuple("abc"), ()], references)
    unpenalized = (3 / math.sqrt(3 * 6) + 2 / math.sqrt(2 * 5) + 1 / math.sqrt(1 * 4)) / 4
    assert cider(pairs)[0] == pytest.approx(10 * unpenalized)
    assert cider_d(pairs)[0] == pytest.approx(10 * unpenalized * math.exp(-(3**2) / (2 * 6**2)))


def test_no_candidates() -> None:
    assert cider_d(PairedCaptions([], [[("a",)]], [])).shape == (0,)
