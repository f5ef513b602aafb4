"""A decoder that starts from several codes of each caption, as one: the mixture of what it says from each.

Shape legend: N captions, K codes of each, V vocabulary.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from lightning_modules.generation.strategy import Stepper


class MixtureState(NamedTuple):
    """The decoder's state from each code of each caption, and how likely the code is after the words so far.

    Attributes:
        codes: The decoder's own, K rows for each caption.
        log_weight_NK: log P(code | words before the last one that was read), normalised.
        next_NKV: log P of the words that could follow those, from each code; None where nothing was read.
    """

    codes: Any
    log_weight_NK: Tensor
    next_NKV: Tensor | None = None

    def select(self, rows: Tensor) -> "MixtureState":
        """Return the state of the captions in `rows`, in that order; rows may repeat."""
        num_codes = self.log_weight_NK.shape[1]
        rows_NK = num_codes * rows.unsqueeze(1) + torch.arange(num_codes, device=rows.device)
        next_NKV = None if self.next_NKV is None else self.next_NKV[rows]
        return MixtureState(self.codes.select(rows_NK.flatten()), self.log_weight_NK[rows], next_NKV)

    def weights_after(self, tokens_N: Tensor) -> Tensor:
        """Return log P(code | words) with one token more, by Bayes' theorem: [N, K]."""
        if self.next_NKV is None:
            return self.log_weight_NK
        rows_N = torch.arange(len(tokens_N), device=tokens_N.device)
        return (self.log_weight_NK + self.next_NKV[rows_N, :, tokens_N]).log_softmax(dim=1)


class MixtureStepper:
    """Its logits are log Σ_k P(code k | words so far) · P(next word | code k, words so far).

    Args:
        stepper: The decoder.
    """

    def __init__(self, stepper: Stepper) -> None:
        self.stepper = stepper

    def step(self, tokens_N: Tensor, state: MixtureState) -> tuple[Tensor, MixtureState]:
        """Read one token of each caption; return `logits_NV` of the next, and the state to go on from."""
        log_weight_NK = state.weights_after(tokens_N)
        num_codes = log_weight_NK.shape[1]
        logits_XV, codes = self.stepper.step(tokens_N.repeat_interleave(num_codes), state.codes)  # X = N · K
        next_NKV = logits_XV.float().log_softmax(dim=-1).unflatten(0, (-1, num_codes))
        mixed_NV = (log_weight_NK.unsqueeze(2) + next_NKV).logsumexp(dim=1)
        return mixed_NV, MixtureState(codes, log_weight_NK, next_NKV)
