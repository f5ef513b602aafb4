import numpy as np
import pytest

from metrics.disentanglement import mig
from tests.metrics.disentanglement.factorial import TWO_CLASSES, aligned, rotated


def test_a_dimension_for_each_factor_is_the_best() -> None:
    assert mig(aligned(TWO_CLASSES), TWO_CLASSES) == pytest.approx(1)
    assert mig(aligned(TWO_CLASSES)[:, ::-1], TWO_CLASSES) == pytest.approx(1)


def test_dimensions_that_know_equally_much_leave_no_gap() -> None:
    assert mig(rotated(TWO_CLASSES), TWO_CLASSES) == pytest.approx(0)
    twice = aligned(TWO_CLASSES)[:, [0, 0, 1, 1]]
    assert mig(twice, TWO_CLASSES) == pytest.approx(0)


def test_the_gap_is_that_of_information_over_entropy() -> None:
    """The first factor is known by one dimension and half known by another, the second half known by one alone."""
    codes_NZ = np.stack([TWO_CLASSES[:, 0], TWO_CLASSES.sum(axis=1)], axis=1).astype(np.float64)
    assert mig(codes_NZ, TWO_CLASSES) == pytest.approx(((1 - 0.5) + (0.5 - 0)) / 2)


def test_a_single_dimension_has_no_rival() -> None:
    assert mig(aligned(TWO_CLASSES)[:, :1], TWO_CLASSES) == pytest.approx((1 + 0) / 2)
