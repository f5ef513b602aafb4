"""An order in which each next caption is good, unlike those before it, and adds what they leave out.

Carbonell and Goldstein, "The use of MMR, diversity-based reranking for reordering documents and producing summaries"
(SIGIR 1998); Lin and Bilmes, "A class of submodular functions for document summarization" (ACL 2011).

Shape legend: B images, K captions of an image, X other captions of an image, which are to be covered.
"""

import numpy as np

from metrics.ngrams import Floats


def marginal_gains(
    relevance_BK: Floats,
    *,
    similarity_BKK: Floats | None = None,
    diversity: float = 0.0,
    coverage_BKX: Floats | None = None,
    coverage: float = 0.0,
) -> Floats:
    """Return what each caption was worth when its turn came: [B, K]; by falling worth they are in order.

    Next comes the caption k of the highest

        relevance(k) − diversity · max_j alike(k, j) + coverage · Σ_x max(0, covers(k, x) − max_j covers(j, x))

    over the captions j before it; the first of equal ones. `diversity` alone is maximal marginal relevance; `coverage`
    alone maximises Σ_x max_k covers(k, x), a facility location function, greedily.

    Args:
        relevance_BK: How good each caption is.
        similarity_BKK: How alike each caption (row) is to each other one (column); None without `diversity`.
        diversity: 0 leaves likeness out.
        coverage_BKX: How much of each other caption each caption covers, 0 or more; None without `coverage`.
        coverage: 0 leaves it out.
    """
    relevance_BK = relevance_BK.astype(np.float64)
    remaining_BK = np.ones(relevance_BK.shape, dtype=bool)
    repeated_BK, added_BK, result_BK = (np.zeros_like(relevance_BK) for _ in range(3))
    covered_BX = np.zeros_like(relevance_BK if coverage_BKX is None else coverage_BKX[:, 0])
    rows_B = np.arange(len(relevance_BK))
    for place in range(relevance_BK.shape[1]):
        if coverage_BKX is not None:
            added_BK = np.maximum(coverage_BKX - covered_BX[:, None], 0).sum(axis=2)
        gain_BK = relevance_BK - diversity * repeated_BK + coverage * added_BK
        next_B = np.where(remaining_BK, gain_BK, -np.inf).argmax(axis=1)
        result_BK[rows_B, next_B] = gain_BK[rows_B, next_B]
        remaining_BK[rows_B, next_B] = False
        if similarity_BKK is not None:
            others_BK = similarity_BKK[rows_B, :, next_B]
            repeated_BK = others_BK if place == 0 else np.maximum(repeated_BK, others_BK)
        if coverage_BKX is not None:
            covered_BX = np.maximum(covered_BX, coverage_BKX[rows_B, next_B])
    return result_BK
