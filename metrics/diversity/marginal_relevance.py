"""An order in which each next caption is good, and unlike those before it.

Carbonell and Goldstein, "The use of MMR, diversity-based reranking for reordering documents and producing summaries"
(SIGIR 1998).

Shape legend: B images, K captions of an image.
"""

import numpy as np

from metrics.ngrams import Floats


def marginal_relevance(relevance_BK: Floats, similarity_BKK: Floats, weight: float) -> Floats:
    """Return what each caption was worth when its turn came: [B, K]; by falling worth they are in order.

    Next comes the caption of the highest relevance − weight · its similarity with the most similar caption before it;
    the first of equal ones.

    Args:
        relevance_BK: How good each caption is.
        similarity_BKK: How alike each caption (row) is to each other one (column).
        weight: 0 gives the order of relevance.
    """
    worth_BK = relevance_BK.astype(np.float64)
    left_BK = np.ones(worth_BK.shape, dtype=bool)
    similar_BK = np.zeros_like(worth_BK)
    result_BK = np.empty_like(worth_BK)
    rows_B = np.arange(len(worth_BK))
    for place in range(worth_BK.shape[1]):
        value_BK = np.where(left_BK, worth_BK - weight * similar_BK, -np.inf)
        next_B = value_BK.argmax(axis=1)
        result_BK[rows_B, next_B] = value_BK[rows_B, next_B]
        left_BK[rows_B, next_B] = False
        others_BK = similarity_BKK[rows_B, :, next_B]
        similar_BK = others_BK if place == 0 else np.maximum(similar_BK, others_BK)
    return result_BK
