"""Codes of two factors in every combination, equally often: what each measure is can be worked out."""

import numpy as np

from metrics.factor import Floats, Integers

TWO_CLASSES = np.array([[a, b] for a in (0, 1) for b in (0, 1)] * 50)
"""Two factors of two classes each: [200, 2]."""

GROUPS = np.arange(len(TWO_CLASSES))


def aligned(factors_NF: Integers) -> Floats:
    """Return codes each of whose dimensions is a factor, in units of its own."""
    return factors_NF * [3.0, -0.5] + [1.0, 0.0]


def rotated(factors_NF: Integers) -> Floats:
    """Return codes turned by 45 degrees: each dimension knows of both factors equally much."""
    return np.stack([factors_NF.sum(axis=1), factors_NF[:, 0] - factors_NF[:, 1]], axis=1).astype(np.float64)
