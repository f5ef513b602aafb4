"""ROUGE-L against the textbook table of the longest common subsequence."""

import random
from collections.abc import Sequence

import pytest

from metrics import PairedCaptions, rouge_l
from metrics.rouge_l import common_subsequences
from tests.metrics.random_captions import random_caption, random_pairs


def _longest(left: Sequence[str], right: Sequence[str]) -> int:
    table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, word in enumerate(left):
        for j, other in enumerate(right):
            table[i + 1][j + 1] = table[i][j] + 1 if word == other else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


def _score(caption: Sequence[str], references: Sequence[Sequence[str]], beta: float) -> float:
    caption = caption or ("",)
    filled = [reference or ("",) for reference in references]
    precision = max(_longest(caption, reference) / len(caption) for reference in filled)
    recall = max(_longest(caption, reference) / len(reference) for reference in filled)
    if precision == 0 or recall == 0:
        return 0.0
    return (1 + beta**2) * precision * recall / (recall + beta**2 * precision)


@pytest.mark.parametrize("longest", [4, 12, 90, 200])
def test_common_subsequences_by_brute_force(longest: int) -> None:
    rng = random.Random(longest)
    references = [random_caption(rng, longest) for _ in range(6)]
    candidates = [random_caption(rng, longest) for _ in range(8)]
    expected = [[_longest(candidate, reference) for reference in references] for candidate in candidates]
    assert common_subsequences(candidates, references) == expected
    assert max(map(max, expected)) > longest // 5


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("beta", [1.2, 1.0, 0.0])
def test_scores_by_brute_force(seed: int, beta: float) -> None:
    pairs = random_pairs(seed)
    expected = [
        _score(caption, pairs.references[image], beta)
        for caption, image in zip(pairs.candidates, pairs.image_of_candidate_N, strict=True)
    ]
    assert len(set(expected)) > 10
    assert rouge_l(pairs, beta).tolist() == pytest.approx(expected, abs=1e-12)


def test_hand_values() -> None:
    # "a c d" in common: 3 of the candidate's 4 and 3 of the reference's 5 words
    pairs = PairedCaptions([tuple("acxd")], [[tuple("abcde")]])
    assert rouge_l(pairs)[0] == pytest.approx((1 + 1.44) * 3 / 4 * 3 / 5 / (3 / 5 + 1.44 * 3 / 4))


def test_precision_and_recall_may_come_from_different_references() -> None:
    pairs = PairedCaptions([tuple("abcd")], [[tuple("abcxxxxxx"), ("a",)]])
    assert rouge_l(pairs)[0] == pytest.approx((1 + 1.44) * 3 / 4 * 1 / (1 + 1.44 * 3 / 4))


def test_empty_captions() -> None:
    pairs = PairedCaptions([(), (), ("a",)], [[("a",)], [("a",), ()], [()]])
    assert rouge_l(pairs).tolist() == [0, 1, 0]


def test_no_candidates() -> None:
    assert rouge_l(PairedCaptions([], [[("a",)]], [])).shape == (0,)
