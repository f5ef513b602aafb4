"""An order in which each next caption is good, unlike those before it, and adds what they leave out.

Carbonell and Goldstein, "The use of MMR, diversity-based reranking for reordering documents and producing summaries"
(SIGIR 1998); Lin and Bilmes, "A class of submodular functions for document summarization" (ACL 2011).

Shape legend: B images, K captions of an image, X other captions of an image, which are to be covered.
"""

import torch
from torch import Tensor


def marginal_gains(
    relevance_BK: Tensor,
    *,
    similarity_BKK: Tensor | None = None,
    diversity: float = 0.0,
    coverage_BKX: Tensor | None = None,
    coverage: float = 0.0,
) -> Tensor:
    """Return the gain of each caption over those chosen before it: [B, K]; the order of choice is by falling gain.

    Next comes the caption k of the highest

        relevance(k) − diversity · max_j alike(k, j) + coverage · Σ_x max(0, covers(k, x) − max_j covers(j, x))

    over the captions j before it; the first of equal ones. `diversity` alone is maximal marginal relevance; `coverage`
    alone maximises Σ_x max_k covers(k, x), a facility location function, greedily.

    Args:
        relevance_BK: How good each caption is.
        similarity_BKK: How alike each caption (row) is to each other one (column), 0 or more; None without `diversity`.
        diversity: 0 leaves likeness out.
        coverage_BKX: How much of each other caption each caption covers, 0 or more; None without `coverage`.
        coverage: 0 leaves it out.
    """
    relevance_BK = relevance_BK.double()
    remaining_BK = torch.ones_like(relevance_BK, dtype=torch.bool)
    repeated_BK, added_BK, result_BK = (torch.zeros_like(relevance_BK) for _ in range(3))
    covered_BX = torch.zeros_like(relevance_BK if coverage_BKX is None else coverage_BKX[:, 0])
    rows_B = torch.arange(len(relevance_BK), device=relevance_BK.device)
    for _ in range(relevance_BK.shape[1]):
        if coverage_BKX is not None:
            added_BK = (coverage_BKX - covered_BX[:, None]).clamp(min=0).sum(dim=2)
        gain_BK = relevance_BK - diversity * repeated_BK + coverage * added_BK
        next_B = gain_BK.masked_fill(~remaining_BK, -torch.inf).argmax(dim=1)
        result_BK[rows_B, next_B] = gain_BK[rows_B, next_B]
        remaining_BK[rows_B, next_B] = False
        if similarity_BKK is not None:
            repeated_BK = repeated_BK.maximum(similarity_BKK[rows_B, :, next_B])
        if coverage_BKX is not None:
            covered_BX = covered_BX.maximum(coverage_BKX[rows_B, next_B])
    return result_BK
