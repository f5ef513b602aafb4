import math

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from metrics.disentanglement import discretise, factor_information, mig, modularity, sap
from metrics.disentanglement.information import factor_entropy
from tests.metrics.disentanglement.factorial import TWO_CLASSES, aligned, rotated


def test_bins_are_equally_wide_and_hold_their_lower_edge() -> None:
    codes_NZ = np.array([[0.0, 5.0], [0.99, 5.0], [1.0, 5.0], [2.5, 5.0], [4.0, 5.0]])
    assert discretise(codes_NZ, 4).tolist() == [[0, 0], [0, 0], [1, 0], [2, 0], [3, 0]]


def test_bins_are_those_of_numpys_histogram() -> None:
    codes_NZ = np.random.default_rng(0).normal(size=(500, 3))
    for code_N, bins_N in zip(codes_NZ.T, discretise(codes_NZ).T, strict=True):
        counts, _ = np.histogram(code_N, 20)
        assert np.bincount(bins_N, minlength=20).tolist() == counts.tolist()


def test_information_of_a_factor_about_itself_is_its_entropy() -> None:
    information_ZF = factor_information(aligned(TWO_CLASSES), TWO_CLASSES)
    np.testing.assert_allclose(information_ZF, math.log(2) * np.eye(2), atol=1e-12)
    np.testing.assert_allclose(factor_entropy(TWO_CLASSES), [math.log(2)] * 2)


def test_information_of_a_rotated_code_is_half_of_it() -> None:
    """The sum of two bits is known to be 0 or 2 in half of the cases, which tells both; otherwise it tells nothing."""
    information_ZF = factor_information(rotated(TWO_CLASSES), TWO_CLASSES)
    np.testing.assert_allclose(information_ZF, np.full((2, 2), math.log(2) / 2), atol=1e-12)


def test_information_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(2)
    factors_NF = random.integers(-1, 4, size=(300, 3))
    codes_NZ = random.normal(size=(300, 2)) + factors_NF[:, :1]
    expected = [[mutual_info_score(bins_N, labels_N) for labels_N in factors_NF.T] for bins_N in discretise(codes_NZ).T]
    np.testing.assert_allclose(factor_information(codes_NZ, factors_NF), expected)


@pytest.mark.parametrize("measure", [mig, sap, modularity])
def test_what_has_no_disentanglement_is_refused(measure) -> None:  # type: ignore[no-untyped-def]
    codes_NZ = aligned(TWO_CLASSES)
    with pytest.raises(ValueError, match=r"as many samples as codes, got 3 and 200"):
        measure(codes_NZ, TWO_CLASSES[:3])
    with pytest.raises(ValueError, match="expected finite codes"):
        measure(np.where(codes_NZ > 0, np.nan, codes_NZ), TWO_CLASSES)
    with pytest.raises(ValueError, match="got a constant one in column 1"):
        measure(codes_NZ, TWO_CLASSES * [1, 0])
