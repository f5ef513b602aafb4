"""Log-odds ratios with an informative Dirichlet prior, against the paper's equations by hand."""

import math

import pytest

from metrics import dirichlet_prior, log_odds_ratios

PRIOR = {"a": 4.0, "dog": 1.0, "cat": 1.0}


def test_by_hand() -> None:
    first, second = {"a": 10, "dog": 5}, {"a": 8, "cat": 2}
    found = {ratio.word: ratio for ratio in log_odds_ratios(first, second, PRIOR)}
    # dog: 5 + 1 of 15 + 6 words against 0 + 1 of 10 + 6
    delta = math.log(6 / 15) - math.log(1 / 15)
    assert found["dog"].log_odds == pytest.approx(delta)
    assert found["dog"].z_score == pytest.approx(delta / math.sqrt(1 / 6 + 1 / 1))
    assert found["dog"][3:] == (5, 0)
    delta = math.log(14 / 7) - math.log(12 / 4)
    assert found["a"].log_odds == pytest.approx(delta)
    assert found["a"].z_score == pytest.approx(delta / math.sqrt(1 / 14 + 1 / 12))
    assert found["cat"][3:] == (0, 2)


def test_words_of_the_first_group_come_first_and_a_swap_turns_the_order_round() -> None:
    first, second = {"a": 10, "dog": 5}, {"a": 10, "cat": 5}
    ratios = log_odds_ratios(first, second, PRIOR)
    assert [ratio.word for ratio in ratios] == ["dog", "a", "cat"]
    assert ratios[1].log_odds == 0
    swapped = log_odds_ratios(second, first, PRIOR)
    assert [ratio.word for ratio in swapped] == ["cat", "a", "dog"]
    assert [ratio.z_score for ratio in swapped] == pytest.approx([-ratio.z_score for ratio in reversed(ratios)])


def test_groups_without_words_differ_by_nothing() -> None:
    assert log_odds_ratios({}, {}, PRIOR) == []
    assert [ratio.z_score for ratio in log_odds_ratios({"a": 3}, {"a": 3}, PRIOR)] == [0]


def test_a_stronger_prior_draws_words_together() -> None:
    first, second = {"a": 10, "dog": 5}, {"a": 10, "cat": 5}
    weak, strong = (
        log_odds_ratios(first, second, {word: scale * count for word, count in PRIOR.items()})[0].log_odds
        for scale in (1, 100)
    )
    assert weak > 5 * strong > 0


def test_pseudo_counts_are_shares_of_the_strength() -> None:
    assert dirichlet_prior({"a": 3, "dog": 1, "gone": 0}, strength=10) == {"a": 7.5, "dog": 2.5}


def test_refuses_words_that_the_prior_lacks() -> None:
    with pytest.raises(ValueError, match="expected a positive pseudo-count of each word in the prior, got none of 'bi"):
        log_odds_ratios({"bird": 1}, {"a": 1}, PRIOR)
    with pytest.raises(ValueError, match="expected pseudo-counts of two words or more, to compare them, got 1"):
        log_odds_ratios({"a": 1}, {"a": 1}, {"a": 1.0})
