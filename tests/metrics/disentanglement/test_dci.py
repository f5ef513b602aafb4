import math

import numpy as np
import pytest

from metrics.disentanglement import dci, dci_of_importance
from tests.metrics.disentanglement.factorial import GROUPS, TWO_CLASSES, aligned, rotated


def test_one_to_one_importance_is_the_best() -> None:
    assert dci_of_importance(np.array([[0.0, 3.0], [0.1, 0.0]])) == pytest.approx((1, 1))


def test_equal_importance_is_the_worst() -> None:
    assert dci_of_importance(np.ones((3, 4))) == pytest.approx((0, 0))
    assert dci_of_importance(np.zeros((3, 4))) == (0, 0)


def test_importance_by_hand() -> None:
    """Two dimensions tell the first factor, one of them the second, too; a third one is of no use."""
    importance_ZF = np.array([[2.0, 0.0], [2.0, 2.0], [0.0, 0.0]])
    disentanglement, completeness = dci_of_importance(importance_ZF)
    assert disentanglement == pytest.approx(2 / 6 * 1 + 4 / 6 * 0)
    assert completeness == pytest.approx(((1 - math.log(2) / math.log(3)) + 1) / 2)


def test_aligned_codes_are_the_best_in_all_respects() -> None:
    assert dci(aligned(TWO_CLASSES), TWO_CLASSES, GROUPS) == pytest.approx((1, 1, 1), abs=1e-6)


def test_rotated_codes_are_informative_alone() -> None:
    disentanglement, completeness, informativeness = dci(rotated(TWO_CLASSES), TWO_CLASSES, GROUPS)
    assert informativeness == 1
    assert disentanglement == pytest.approx(0, abs=0.02)  # each half has not all combinations equally often
    assert completeness == pytest.approx(0, abs=0.02)


def test_codes_of_noise_tell_no_more_than_chance() -> None:
    codes_NZ = np.random.default_rng(0).normal(size=(len(TWO_CLASSES), 4))
    assert dci(codes_NZ, TWO_CLASSES, GROUPS).informativeness == pytest.approx(0.5, abs=0.1)


def test_groups_are_held_out_as_wholes() -> None:
    """Each image's code is its own number, which tells its class only to who has seen it."""
    image_N = np.arange(40).repeat(5)
    factors_NF = np.random.default_rng(3).integers(2, size=(40, 2))[image_N]
    codes_NZ = np.eye(40)[image_N]
    assert dci(codes_NZ, factors_NF, np.arange(200)).informativeness > 0.9
    assert dci(codes_NZ, factors_NF, image_N).informativeness < 0.7


def test_classes_that_the_known_half_lacks_are_not_told() -> None:
    factors_NF = np.array([[0, 0], [1, 1]])
    assert dci(np.eye(2), factors_NF, np.arange(2)) == (0, 0, 0)


def test_one_factor_or_one_group_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least 2 factors, got 1"):
        dci(aligned(TWO_CLASSES), TWO_CLASSES[:, :1], GROUPS)
    with pytest.raises(ValueError, match="at least two groups, to fit to some and score others, got 1"):
        dci(aligned(TWO_CLASSES), TWO_CLASSES, 0 * GROUPS)
