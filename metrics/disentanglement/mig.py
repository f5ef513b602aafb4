"""The mutual information gap.

Shape legend: N samples, Z dimensions of the code, F factors.
"""

import numpy as np

from metrics.disentanglement.information import NUM_BINS, factor_entropy, factor_information
from metrics.factor import Floats, Integers


def mig(codes_NZ: Floats, factors_NF: Integers, num_bins: int = NUM_BINS) -> float:
    """Return the MIG, 0 to 1: how much more one dimension knows of a factor than the next best one does.

    1/F Σ_k (I(z_j; v_k) − max_{i ≠ j} I(z_i; v_k)) / H(v_k), with j the dimension that knows most of factor k (Chen et
    al. 2018, equation 6). Dimensions are cut into bins as in disentanglement_lib. The only dimension of a code has no
    rival.

    Raises:
        ValueError: As `check_codes` does.
    """
    information_ZF = np.sort(factor_information(codes_NZ, factors_NF, num_bins), axis=0)
    second_F = information_ZF[-2] if len(information_ZF) > 1 else 0.0
    return float(np.mean((information_ZF[-1] - second_F) / factor_entropy(factors_NF)))
