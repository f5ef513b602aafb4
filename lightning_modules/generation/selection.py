"""Which of an image's captions are kept where more were generated than are wanted.

Shape legend: S sets of captions (of an image, or of one of its given styles), K captions of a set, F of them that are
kept, N captions, L tokens, G distinct n-grams of a set's captions, n words of an n-gram.
"""

import torch
from torch import Tensor

from lightning_modules.generation.greedy_selection import marginal_gains
from lightning_modules.generation.strategy import Selection, SpecialTokens

MAX_ORDER = 4  # words of the longest n-grams that captions are compared by, as in BLEU and CIDEr


def first_different(tokens_SKL: Tensor, num: int) -> Selection:
    """Keep the first `num` captions that differ, in their order; where they are fewer, the first repeats follow."""
    is_repeat_SK = repeats(tokens_SKL)
    num_looked_at = tokens_SKL.shape[1]
    num_before_S = ((~is_repeat_SK).cumsum(dim=1) < num).sum(dim=1)  # captions before the last that is needed
    return Selection(_repeats_last(is_repeat_SK)[:, :num], (num_before_S + 1).clamp(max=num_looked_at))


def most_different(
    tokens_SKL: Tensor, relevance_SK: Tensor, num: int, *, diversity: float, special: SpecialTokens
) -> Selection:
    """Keep `num` captions that are good and differ, by maximal marginal relevance, the best first.

    All captions are looked at, of equal ones the first; where too few differ, the first repeats follow. See
    `marginal_gains` and `ngram_similarity`.

    Args:
        tokens_SKL: The captions, padded.
        relevance_SK: How good each is.
        num: How many are kept.
        diversity: What a caption loses for each unit of similarity with the most similar one before it.
        special: The special ids.
    """
    device = tokens_SKL.device
    tokens_SKL, relevance_SK = tokens_SKL.cpu(), relevance_SK.cpu()  # many small steps
    is_repeat_SK = repeats(tokens_SKL)
    order_SK = _repeats_last(is_repeat_SK)
    num_different_S = (~is_repeat_SK).sum(dim=1)
    for order_K, tokens_KL, relevance_K, num_different in zip(
        order_SK, tokens_SKL, relevance_SK, num_different_S.tolist(), strict=True
    ):
        different = order_K[:num_different].clone()
        gain_1K = marginal_gains(
            relevance_K[different].unsqueeze(0),
            similarity_BKK=ngram_similarity(tokens_KL[different], special).unsqueeze(0),
            diversity=diversity,
        )
        order_K[:num_different] = different[gain_1K[0].argsort(descending=True, stable=True)]
    num_draws_S = torch.full_like(num_different_S, tokens_SKL.shape[1])
    return Selection(order_SK[:, :num].to(device), num_draws_S.to(device))


def length_normalised(log_probability_N: Tensor, tokens_NL: Tensor, length_penalty: float, *, pad_id: int) -> Tensor:
    """Return log P / ((5 + length) / 6)^length_penalty (Wu et al. 2016, equation 14; `<eos>` counts): [N]."""
    length_N = tokens_NL.not_equal(pad_id).sum(dim=1)
    return log_probability_N / ((5 + length_N) / 6) ** length_penalty


def repeats(tokens_SKL: Tensor) -> Tensor:
    """Return whether an earlier caption of the set has the same tokens, up to the padding behind its end: [S, K]."""
    num_sets, num_captions, _ = tokens_SKL.shape
    text_SK = tokens_SKL.flatten(0, 1).unique(dim=0, return_inverse=True)[1].view(num_sets, num_captions)
    return (text_SK.unsqueeze(2) == text_SK.unsqueeze(1)).tril(diagonal=-1).any(dim=2)


def ngram_similarity(tokens_KL: Tensor, special: SpecialTokens) -> Tensor:
    """Return how alike captions are, 0 to 1: [K, K].

    The mean over n = 1…4 of the cosine between the numbers of their n-grams of tokens: CIDEr (Vedantam et al. 2015,
    equations 2 and 3) where all n-grams weigh the same.
    """
    cosines = [_cosine(tokens_KL, order, special) for order in range(1, MAX_ORDER + 1)]
    return torch.stack(cosines).mean(dim=0)


def rows_in_sets(member_SF: Tensor, num: int) -> Tensor:
    """Return the rows of some members of each set, where sets of `num` stand side by side: [S · F], set by set.

    Args:
        member_SF: Their numbers within their set, from 0.
        num: How many members a set has.
    """
    first_S1 = num * torch.arange(len(member_SF), device=member_SF.device).unsqueeze(1)
    return (first_S1 + member_SF).flatten()


def _cosine(tokens_KL: Tensor, order: int, special: SpecialTokens) -> Tensor:
    num_captions, length = tokens_KL.shape
    if length < order:
        return torch.zeros(num_captions, num_captions, dtype=torch.double, device=tokens_KL.device)
    ngram_KLn = tokens_KL.unfold(1, order, 1)
    is_word_KLn = (ngram_KLn != special.pad_id) & (ngram_KLn != special.eos_id)
    distinct_Gn, ngram_KL = ngram_KLn.flatten(0, 1).unique(dim=0, return_inverse=True)
    one_KL = is_word_KLn.all(dim=2).double()
    count_KG = one_KL.new_zeros(num_captions, len(distinct_Gn)).scatter_add(1, ngram_KL.view_as(one_KL), one_KL)
    direction_KG = count_KG / count_KG.norm(dim=1, keepdim=True).clamp(min=1)
    return direction_KG @ direction_KG.T


def _repeats_last(is_repeat_SK: Tensor) -> Tensor:
    """Return the captions' numbers, those of repeats behind the others, both in their order."""
    return is_repeat_SK.to(torch.uint8).argsort(dim=1, stable=True)
