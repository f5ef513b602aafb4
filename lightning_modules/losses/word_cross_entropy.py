"""Cross entropy of words, plain and with smoothed labels, from one pass over the logits.

Shape legend: W words, V vocabulary, C words of a chunk.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK_ELEMENTS = 2**19  # logits in full precision at a time: a few MB, which stay in a processor's cache


class WordNats(NamedTuple):
    """−log p of words in nats.

    Attributes:
        word_W: Of the word itself.
        uniform_W: Of all words of the vocabulary on average: what smoothed labels ask for beside.
    """

    word_W: Tensor
    uniform_W: Tensor


def word_cross_entropy(logits_WV: Tensor, targets_W: Tensor) -> WordNats:
    """Return −log p of each word and its mean over the vocabulary, in full precision whatever the logits have.

    As `torch.nn.functional.cross_entropy`, but a half-precision copy of the logits is all that is kept for the
    gradient, and no matrix in full precision is ever whole: with 2,540 words a training step was a quarter faster.

    Args:
        logits_WV: Word distributions, up to a constant each.
        targets_W: The words.
    """
    return WordNats(*_WordCrossEntropy.apply(logits_WV, targets_W))


class _WordCrossEntropy(torch.autograd.Function):
    """log Σ exp(z) − z_target and log Σ exp(z) − mean(z); gradients softmax(z) − onehot and softmax(z) − 1/V."""

    @staticmethod
    def forward(ctx: Any, logits_WV: Tensor, targets_W: Tensor) -> tuple[Tensor, Tensor]:
        normaliser_W = torch.empty(len(logits_WV), dtype=torch.float32, device=logits_WV.device)
        target_W, mean_W = torch.empty_like(normaliser_W), torch.empty_like(normaliser_W)
        parts = _chunks(logits_WV, targets_W, normaliser_W, target_W, mean_W)
        for logits_CV, targets_C, normaliser_C, target_C, mean_C in parts:
            full_CV = logits_CV.float()
            normaliser_C.copy_(full_CV.logsumexp(dim=1))
            target_C.copy_(full_CV.gather(1, targets_C.unsqueeze(1)).squeeze(1))
            mean_C.copy_(full_CV.mean(dim=1))
        ctx.save_for_backward(logits_WV, targets_W, normaliser_W)
        return normaliser_W - target_W, normaliser_W - mean_W

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, word_W: Tensor, uniform_W: Tensor) -> tuple[Tensor, None]:
        logits_WV, targets_W, normaliser_W = ctx.saved_tensors
        gradient_WV = torch.empty_like(logits_WV)
        parts = _chunks(logits_WV, targets_W, normaliser_W, word_W, uniform_W, gradient_WV)
        for logits_CV, targets_C, normaliser_C, word_C, uniform_C, gradient_CV in parts:
            word_C1, uniform_C1 = word_C.unsqueeze(1), uniform_C.unsqueeze(1)
            full_CV = (logits_CV.float() - normaliser_C.unsqueeze(1)).exp_()
            full_CV.mul_(word_C1 + uniform_C1).sub_(uniform_C1 / logits_CV.shape[1])
            gradient_CV.copy_(full_CV.scatter_add_(1, targets_C.unsqueeze(1), -word_C1))
        return gradient_WV, None


def _chunks(logits_WV: Tensor, *others: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Split all alike into chunks of words."""
    rows = max(1, CHUNK_ELEMENTS // logits_WV.shape[1])
    return zip(*(tensor.split(rows) for tensor in (logits_WV, *others)), strict=True)
