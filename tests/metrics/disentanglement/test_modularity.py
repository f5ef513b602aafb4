import numpy as np
import pytest

from metrics.disentanglement import modularity
from tests.metrics.disentanglement.factorial import TWO_CLASSES, aligned, rotated


def test_a_factor_for_each_dimension_is_the_best() -> None:
    assert modularity(aligned(TWO_CLASSES), TWO_CLASSES) == pytest.approx(1)
    assert modularity(aligned(TWO_CLASSES)[:, [0, 0, 1]], TWO_CLASSES) == pytest.approx(1)  # completeness is not asked


def test_dimensions_that_know_of_all_factors_equally_are_the_worst() -> None:
    assert modularity(rotated(TWO_CLASSES), TWO_CLASSES) == pytest.approx(0)


def test_a_dimension_that_knows_nothing_counts_nothing() -> None:
    codes_NZ = np.concatenate([aligned(TWO_CLASSES), np.zeros((len(TWO_CLASSES), 2))], axis=1)
    assert modularity(codes_NZ, TWO_CLASSES) == pytest.approx(1 / 2)


def test_one_factor_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least 2 factors, got 1"):
        modularity(aligned(TWO_CLASSES), TWO_CLASSES[:, :1])
