"""What every attention offers, and what attentions share.

Shape legend: M memories, N captions, L tokens, P places, D width of a place, H hidden, K heads, h width of a head,
Q queries, T keys.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn


class Attention(nn.Module, ABC):
    """A look at the places of an image, which is prepared for it once, however many captions look.

    Captions stand in the order of their images, equally many of each: caption n looks at memory n // (N / M).
    """

    @abstractmethod
    def project_memory(self, memory_MPD: Tensor) -> Tensor:
        """Prepare images for any number of looks; returns a tensor of M memories."""

    @abstractmethod
    def forward(self, hidden_NLH: Tensor, memory_M: Tensor) -> Tensor:
        """Return the decoder's states `hidden_NLH` after a look."""

    @abstractmethod
    def weights(self, hidden_NLH: Tensor, memory_M: Tensor) -> Tensor:
        """Return how `forward` weighs the places, for those who want to see it: `weights_NLP`, each row of sum 1."""


AttentionBuilder = Callable[[], Attention]
"""Makes an attention of the decoder's width; a decoder calls it once for each look that it takes."""


def select_memory(rows_N: Tensor, num_captions: int, num_memories: int) -> Tensor | None:
    """Return which memories are left when of `num_captions` captions those in `rows_N` are kept, in that order.

    As few as equally many captions each can share: captions that stay with their image, as beams do, or that are
    repeated, cost no copy of it. None for all memories as they are.
    """
    memory_of_row_N = rows_N // (num_captions // num_memories)
    kept_M, counts_M = memory_of_row_N.unique_consecutive(return_counts=True)
    if not torch.equal(counts_M, counts_M[:1].expand_as(counts_M)):
        kept_M = memory_of_row_N
    as_they_are = torch.equal(kept_M, torch.arange(num_memories, device=kept_M.device))
    return None if as_they_are else kept_M


def attention_weights(query_NKQh: Tensor, key_NKTh: Tensor, unseen_QT: Tensor | None = None) -> Tensor:
    """Return the weights of scaled dot-product attention, `weights_NKQT`: softmax(q kᵀ / √h), 0 where unseen."""
    scores_NKQT = query_NKQh @ key_NKTh.transpose(-1, -2) / query_NKQh.shape[-1] ** 0.5
    if unseen_QT is not None:
        scores_NKQT = scores_NKQT.masked_fill(unseen_QT, float("-inf"))
    return scores_NKQT.softmax(dim=-1)


def attend(query_NKQh: Tensor, key_NKTh: Tensor, value_NKTh: Tensor, unseen_QT: Tensor | None = None) -> Tensor:
    """Return scaled dot-product attention of each head, joined: [N, Q, K · h] (Vaswani et al. 2017, equation 1).

    Written out: PyTorch's fused version is slower in the backward pass on CPU. No query sees where `unseen_QT` is true.
    """
    return (attention_weights(query_NKQh, key_NKTh, unseen_QT) @ value_NKTh).transpose(1, 2).flatten(2)
