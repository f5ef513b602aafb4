"""Modularity: whether each dimension knows of one factor alone.

Shape legend: N samples, Z dimensions of the code, F factors.
"""

import numpy as np

from metrics.disentanglement.information import NUM_BINS, check_codes, factor_information
from metrics.factor import Floats, Integers


def modularity(codes_NZ: Floats, factors_NF: Integers, num_bins: int = NUM_BINS) -> float:
    """Return the modularity, 0 to 1: the mean over dimensions of 1 − δ_i.

    δ_i = Σ_f (m_if − t_if)² / (θ_i² (F − 1)) with m_if = I(z_i; v_f), θ_i = max_f m_if, and t_if = θ_i for the factor
    that dimension i knows most of, 0 for the others (Ridgeway and Mozer 2018, equation 2). As in disentanglement_lib, a
    dimension without any information counts 0. It does not tell whether the factors are known at all: a code of pure
    noise has some modularity.

    Raises:
        ValueError: As `check_codes` does; at least two factors are needed.
    """
    check_codes(codes_NZ, factors_NF, least_factors=2)
    squared_ZF = factor_information(codes_NZ, factors_NF, num_bins) ** 2
    most_Z = squared_ZF.max(axis=1)
    others_Z = squared_ZF.sum(axis=1) - most_Z
    is_used_Z = most_Z > 0
    deviation_Z = others_Z / np.where(is_used_Z, most_Z, 1.0) / (squared_ZF.shape[1] - 1)
    return float(np.mean(np.where(is_used_Z, 1 - deviation_Z, 0.0)))
