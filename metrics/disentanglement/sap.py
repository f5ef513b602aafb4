"""Separated attribute predictability.

Shape legend: N samples, Z dimensions of the code, F factors.
"""

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from metrics.disentanglement.information import check_codes
from metrics.factor import Floats, Integers


def sap(codes_NZ: Floats, factors_NF: Integers) -> float:
    """Return the SAP score: how much better one dimension tells a factor than the next best one does.

    The mean over factors of the difference of the two highest balanced accuracies with which a single dimension tells
    the factor, by thresholds fitted to the same samples (Kumar, Sattigeri and Balakrishnan 2018, section 3). A
    dimension that is always the same scores 0, any other at least chance: a perfect code of two-class factors reaches
    0.5.

    Raises:
        ValueError: As `check_codes` does.
    """
    check_codes(codes_NZ, factors_NF)
    accuracy_ZF = np.sort([[_told(code_N, factor_N) for factor_N in factors_NF.T] for code_N in codes_NZ.T], axis=0)
    second_F = accuracy_ZF[-2] if len(accuracy_ZF) > 1 else 0.0
    return float(np.mean(accuracy_ZF[-1] - second_F))


def _told(code_N: Floats, factor_N: Integers) -> float:
    """Return the balanced accuracy by as many intervals of the code as there are classes."""
    if (code_N == code_N[0]).all():
        return 0.0
    classes = np.unique(factor_N)
    tree = DecisionTreeClassifier(max_leaf_nodes=len(classes), class_weight="balanced", random_state=0)
    predicted_N = tree.fit(code_N[:, None], factor_N).predict(code_N[:, None])
    return float(np.mean([(predicted_N[factor_N == label] == label).mean() for label in classes]))
