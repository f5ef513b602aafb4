import numpy as np
import pytest

from metrics.disentanglement import sap
from tests.metrics.disentanglement.factorial import TWO_CLASSES, aligned, rotated


def test_two_classes_told_by_one_dimension_and_by_chance_otherwise() -> None:
    assert sap(aligned(TWO_CLASSES), TWO_CLASSES) == pytest.approx(1 - 0.5)


def test_five_classes_are_told_by_four_thresholds() -> None:
    factors_NF = np.array([[a, b] for a in range(5) for b in range(5)] * 4)
    shuffled = np.array([3.0, -1.0, 7.0, 0.5, 2.0])[factors_NF]  # in no order, as colours are
    assert sap(shuffled, factors_NF) == pytest.approx(1 - 1 / 5)


def test_dimensions_that_tell_equally_much_leave_no_gap() -> None:
    assert sap(rotated(TWO_CLASSES), TWO_CLASSES) == pytest.approx(0)


def test_accuracy_is_balanced() -> None:
    """Of ten zeros and two ones, of which one is told: 100% and 50%."""
    factor_NF = np.array([[0]] * 10 + [[1]] * 2)
    codes_NZ = np.array([[0.0]] * 11 + [[1.0]])
    assert sap(codes_NZ, factor_NF) == pytest.approx((1 + 0.5) / 2)


def test_a_dimension_that_is_always_the_same_tells_nothing() -> None:
    codes_NZ = np.stack([TWO_CLASSES[:, 0], np.ones(len(TWO_CLASSES))], axis=1)
    assert sap(codes_NZ, TWO_CLASSES[:, :1]) == pytest.approx(1)
