"""Mutual information of each dimension of a code, cut into bins, with each factor.

Shape legend: N samples, Z dimensions of the code, F factors, K bins, V classes.
"""

import numpy as np

from metrics.factor import Floats, Integers

NUM_BINS = 20


def discretise(codes_NZ: Floats, num_bins: int = NUM_BINS) -> Integers:
    """Return the bin of each number, from 0: each dimension is cut into bins of equal width from its least to its most.

    As in disentanglement_lib (Locatello et al. 2019), whose papers take 20. A dimension that is always the same is in
    one bin.
    """
    low_Z, high_Z = codes_NZ.min(axis=0), codes_NZ.max(axis=0)
    width_Z = np.where(high_Z > low_Z, high_Z - low_Z, 1.0)
    bins_NZ = np.floor((codes_NZ - low_Z) / width_Z * num_bins).astype(np.int64)
    return np.minimum(bins_NZ, num_bins - 1)


def factor_information(codes_NZ: Floats, factors_NF: Integers, num_bins: int = NUM_BINS) -> Floats:
    """Return I(z; v) of each discretised dimension and factor in nats, by the counts of the samples: [Z, F].

    It is too high for few samples: about (K − 1)(V − 1) / 2N for a dimension that knows nothing.
    """
    check_codes(codes_NZ, factors_NF)
    bins_NZ = discretise(codes_NZ, num_bins)
    places_NF = np.stack([np.unique(factor_N, return_inverse=True)[1] for factor_N in factors_NF.T], axis=1)
    return np.array([[_information(bins_N, factor_N) for factor_N in places_NF.T] for bins_N in bins_NZ.T])


def factor_entropy(factors_NF: Integers) -> Floats:
    """Return the entropy of each factor in nats, by the counts of the samples: [F]."""
    entropies = []
    for factor_N in factors_NF.T:
        share_V = np.unique(factor_N, return_counts=True)[1] / len(factor_N)
        entropies.append(-(share_V * np.log(share_V)).sum())
    return np.array(entropies)


def _information(bins_N: Integers, labels_N: Integers) -> float:
    """Return Σ p(k, v) log p(k, v) / (p(k) p(v)) over the bins and classes, both from 0."""
    num_classes = labels_N.max() + 1
    counts_KV = np.bincount(bins_N * num_classes + labels_N, minlength=(bins_N.max() + 1) * num_classes)
    share_KV = counts_KV.reshape(-1, num_classes) / len(bins_N)
    independent_KV = share_KV.sum(axis=1, keepdims=True) * share_KV.sum(axis=0)
    is_there_KV = share_KV > 0
    ratio = share_KV[is_there_KV] / independent_KV[is_there_KV]
    return max(0.0, float((share_KV[is_there_KV] * np.log(ratio)).sum()))


def check_codes(codes_NZ: Floats, factors_NF: Integers, *, least_factors: int = 1) -> None:
    """Refuse what has no disentanglement.

    Args:
        codes_NZ: The codes.
        factors_NF: The factors' labels.
        least_factors: How many factors the measure needs.

    Raises:
        ValueError: The numbers of rows differ, a code is not finite, there are too few factors, or one is constant.
    """
    if len(codes_NZ) != len(factors_NF) or not len(codes_NZ):
        raise ValueError(f"expected factors of as many samples as codes, got {len(factors_NF)} and {len(codes_NZ)}")
    if not np.isfinite(codes_NZ).all():
        raise ValueError("expected finite codes, got NaN or infinity; look into the model's training")
    if factors_NF.shape[1] < least_factors:
        raise ValueError(f"expected at least {least_factors} factors, got {factors_NF.shape[1]}")
    constant = [column for column, factor_N in enumerate(factors_NF.T) if (factor_N == factor_N[0]).all()]
    if constant:
        raise ValueError(f"expected factors that vary, got a constant one in column {constant[0]}; leave it out")
