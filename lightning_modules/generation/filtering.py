"""Filters of a word distribution, as pure functions: no tensor of the caller's is changed.

Shape legend: N captions, V vocabulary.
"""

import math

import torch
from torch import Tensor

NEGATIVE_INFINITY = float("-inf")


def keep_top_k(logits_NV: Tensor, k: int) -> Tensor:
    """Leave each row's k likeliest words; exactly k, also where words tie (Fan et al. 2018)."""
    kept = logits_NV.topk(min(k, logits_NV.shape[-1]), dim=-1)
    return torch.full_like(logits_NV, NEGATIVE_INFINITY).scatter(-1, kept.indices, kept.values)


def keep_share(logits_NV: Tensor, filter_thres: float) -> Tensor:
    """Leave each row's k likeliest words, k = max(⌊(1 − filter_thres) · V⌋, 1)."""
    # the small term keeps (1 − 0.9) · 10 from falling below 1 in binary
    return keep_top_k(logits_NV, max(math.floor((1 - filter_thres) * logits_NV.shape[-1] + 1e-9), 1))


def keep_nucleus(logits_NV: Tensor, p: float) -> Tensor:
    """Leave each row's smallest set of likeliest words whose probability reaches p (Holtzman et al. 2020)."""
    sorted_NV, order_NV = logits_NV.sort(dim=-1, descending=True, stable=True)
    probability_NV = sorted_NV.softmax(dim=-1)
    before_NV = probability_NV.cumsum(dim=-1) - probability_NV
    beyond_NV = (before_NV >= p).scatter(-1, order_NV, before_NV >= p)
    return logits_NV.masked_fill(beyond_NV, NEGATIVE_INFINITY)


def filter_logits(
    logits_NV: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    filter_thres: float | None = None,
) -> Tensor:
    """Apply temperature, then each filter that is given, in the order `filter_thres`, `top_k`, `top_p`."""
    filtered_NV = logits_NV / temperature
    if filter_thres is not None:
        filtered_NV = keep_share(filtered_NV, filter_thres)
    if top_k is not None:
        filtered_NV = keep_top_k(filtered_NV, top_k)
    if top_p is not None:
        filtered_NV = keep_nucleus(filtered_NV, top_p)
    return filtered_NV
