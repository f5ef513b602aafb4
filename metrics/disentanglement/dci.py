"""Disentanglement, completeness and informativeness.

Shape legend: N samples, Z dimensions of the code, F factors, V classes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler

from metrics.disentanglement.information import check_codes
from metrics.factor import Floats, Integers
from metrics.probes import fitting, is_held_out


class DCI(NamedTuple):
    """Three measures of a code, each 0 to 1.

    Attributes:
        disentanglement: Whether each dimension matters for one factor alone.
        completeness: Whether each factor is told by one dimension alone.
        informativeness: How well the factors are told by all dimensions together: the mean accuracy, held out.
    """

    disentanglement: float
    completeness: float
    informativeness: float


def dci(codes_NZ: Floats, factors_NF: Integers, groups_N: Integers, *, seed: int = 0) -> DCI:
    """Return the three measures of Eastwood and Williams 2018, section 2.

    A factor is told by L1-penalised logistic regression, one class against the others, on standardised dimensions,
    where the paper has lasso regression for factors that are numbers; a dimension's importance is the sum of its
    coefficients' sizes over the classes. Fitted to one half of the groups, as `linear_probe` is.

    Args:
        codes_NZ: The codes.
        factors_NF: The factors' labels.
        groups_N: Samples of one group, such as captions of one image, are all in the same half.
        seed: Decides which half a group is in.

    Raises:
        ValueError: As `check_codes` does; at least two factors are needed, and two groups.
    """
    check_codes(codes_NZ, factors_NF, least_factors=2)
    held_out_N = is_held_out(groups_N, seed=seed)
    codes_NZ = StandardScaler().fit(codes_NZ[~held_out_N]).transform(codes_NZ)
    told = [_told(codes_NZ, factor_N, held_out_N) for factor_N in factors_NF.T]
    disentanglement, completeness = dci_of_importance(np.stack([importance_Z for importance_Z, _ in told], axis=1))
    return DCI(disentanglement, completeness, float(np.mean([accuracy for _, accuracy in told])))


def dci_of_importance(importance_ZF: Floats) -> tuple[float, float]:
    """Return disentanglement and completeness, given how much each dimension matters for each factor, 0 or more.

    Disentanglement is Σ_i ρ_i D_i with D_i = 1 − H_F(P_i), P_i the shares of the factors in the importance of dimension
    i, and ρ_i its share in all of it; completeness is the mean of C_j = 1 − H_Z(P_j) over factors, P_j the shares of
    the dimensions in the importance for factor j (Eastwood and Williams 2018, section 2). Entropies are to the base of
    the number of factors, and of dimensions. What is of no importance at all is neither disentangled nor complete: 0.
    """
    weight_Z = importance_ZF.sum(axis=1)
    total = weight_Z.sum()
    if total == 0:
        return 0.0, 0.0
    disentanglement = float((weight_Z / total) @ _concentration(importance_ZF))
    return disentanglement, float(_concentration(importance_ZF.T).mean())


def _concentration(importance_RK: Floats) -> Floats:
    """Return 1 − H(shares of a row), to the base of their number; 0 for a row of zeros, 1 where there is no choice."""
    num = importance_RK.shape[1]
    total_R1 = importance_RK.sum(axis=1, keepdims=True)
    share_RK = importance_RK / np.where(total_R1 > 0, total_R1, 1.0)
    entropy_R = -(share_RK * np.log(np.where(share_RK > 0, share_RK, 1.0))).sum(axis=1)
    concentration_R = 1 - entropy_R / np.log(num) if num > 1 else np.ones(len(importance_RK))
    return np.where(total_R1[:, 0] > 0, concentration_R, 0.0)


def _told(codes_NZ: Floats, factor_N: Integers, held_out_N: NDArray[np.bool_]) -> tuple[Floats, float]:
    """Return how much each dimension matters for a factor, and the accuracy by all of them."""
    known_N, told_N = factor_N[~held_out_N], factor_N[held_out_N]
    if (known_N == known_N[0]).all():
        return np.zeros(codes_NZ.shape[1]), float((told_N == known_N[0]).mean())
    one = LogisticRegression(solver="liblinear", l1_ratio=1.0, random_state=0)
    with fitting():
        fitted = OneVsRestClassifier(one).fit(codes_NZ[~held_out_N], known_N)
        accuracy = float((fitted.predict(codes_NZ[held_out_N]) == told_N).mean())
    return np.sum([np.abs(of_class.coef_[0]) for of_class in fitted.estimators_], axis=0), accuracy
