"""Filters of a word distribution, as pure functions: no tensor of the caller's is changed.

Shape legend: N captions, V vocabulary, T tokens said so far, n words of an n-gram.
"""

import math

import torch
from torch import Tensor

from lightning_modules.generation.strategy import NEGATIVE_INFINITY


def keep_top_k(logits_NV: Tensor, k: int) -> Tensor:
    """Leave each row's k likeliest words; exactly k, also where words tie (Fan et al. 2018)."""
    kept = logits_NV.topk(min(k, logits_NV.shape[-1]), dim=-1)
    return torch.full_like(logits_NV, NEGATIVE_INFINITY).scatter(-1, kept.indices, kept.values)


def keep_share(logits_NV: Tensor, filter_thres: float) -> Tensor:
    """Leave each row's k likeliest words, k = max(⌊(1 − filter_thres) · V⌋, 1)."""
    # the small term keeps (1 − 0.9) · 10 from falling below 1 in binary
    return keep_top_k(logits_NV, max(math.floor((1 - filter_thres) * logits_NV.shape[-1] + 1e-9), 1))


def keep_nucleus(logits_NV: Tensor, p: float, *, guess: int = 64) -> Tensor:
    """Leave each row's smallest set of likeliest words whose probability reaches p (Holtzman et al. 2020).

    In most rows few words reach it: the `guess` likeliest are tried first, which is much faster than sorting all words,
    and ever more of them only in the rows where those do not suffice.
    """
    likeliest_Nk = logits_NV.softmax(dim=-1).topk(min(guess, logits_NV.shape[-1]), dim=-1)
    beyond_Nk = likeliest_Nk.values.cumsum(dim=-1) - likeliest_Nk.values >= p
    logits_Nk = logits_NV.gather(-1, likeliest_Nk.indices).masked_fill(beyond_Nk, NEGATIVE_INFINITY)
    kept_NV = torch.full_like(logits_NV, NEGATIVE_INFINITY).scatter_(-1, likeliest_Nk.indices, logits_Nk)
    wide_N = ~beyond_Nk[:, -1]
    if guess < logits_NV.shape[-1] and wide_N.any():
        kept_NV[wide_N] = keep_nucleus(logits_NV[wide_N], p, guess=8 * guess)
    return kept_NV


def keep_typical(logits_NV: Tensor, p: float) -> Tensor:
    """Leave each row's smallest set of words that reaches probability p, the most typical first.

    Those are the words whose surprisal −log P is closest to its expectation, the entropy (Meister et al. 2023,
    equation 8).
    """
    log_probability_NV = logits_NV.log_softmax(dim=-1)
    probability_NV = log_probability_NV.exp()
    entropy_N1 = -(probability_NV * log_probability_NV).nansum(dim=-1, keepdim=True)  # 0 · log 0 is 0
    order_NV = (log_probability_NV + entropy_N1).abs().argsort(dim=-1, stable=True)
    sorted_NV = probability_NV.gather(-1, order_NV)
    before_NV = sorted_NV.cumsum(dim=-1) - sorted_NV
    beyond_NV = (before_NV >= p).scatter(-1, order_NV, before_NV >= p)
    return logits_NV.masked_fill(beyond_NV, NEGATIVE_INFINITY)


def discourage_repeats(logits_NV: Tensor, tokens_NT: Tensor, penalty: float) -> Tensor:
    """Divide the logits of words that were said by `penalty` where they are positive, else multiply them by it.

    Keskar et al. 2019, section 4.1; dividing negative logits, as the equation there has it, would encourage them.
    """
    logits_NT = logits_NV.gather(1, tokens_NT)
    return logits_NV.scatter(1, tokens_NT, torch.where(logits_NT > 0, logits_NT / penalty, logits_NT * penalty))


def forbid_repeated_ngrams(scores_NV: Tensor, tokens_NT: Tensor, n: int, *, pad_id: int) -> Tensor:
    """Set each word to −∞ that would say n words for the second time (Paulus et al. 2018, section 2.5).

    Where nothing else is left to say, all stays as it is: a caption must be able to go on.
    """
    num_tokens = tokens_NT.shape[1]
    if num_tokens < n:
        return scores_NV
    ngrams_NTn = tokens_NT.unfold(1, n, 1)
    last_N1n = tokens_NT[:, None, num_tokens - n + 1 :]
    again_NT = (ngrams_NTn[..., :-1] == last_N1n).all(dim=-1)
    next_NT = ngrams_NTn[..., -1].masked_fill(~again_NT, pad_id)  # padding is never said anyway
    left_NV = scores_NV.scatter(1, next_NT, NEGATIVE_INFINITY)
    return torch.where(left_NV.isneginf().all(dim=1, keepdim=True), scores_NV, left_NV)


def filter_logits(
    logits_NV: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    typical_p: float | None = None,
    filter_thres: float | None = None,
) -> Tensor:
    """Apply temperature, then each filter that is given, in the order `filter_thres`, `top_k`, `top_p`, `typical_p`."""
    filtered_NV = logits_NV if temperature == 1 else logits_NV / temperature
    if filter_thres is not None:
        filtered_NV = keep_share(filtered_NV, filter_thres)
    if top_k is not None:
        filtered_NV = keep_top_k(filtered_NV, top_k)
    if top_p is not None:
        filtered_NV = keep_nucleus(filtered_NV, top_p)
    if typical_p is not None:
        filtered_NV = keep_typical(filtered_NV, typical_p)
    return filtered_NV
