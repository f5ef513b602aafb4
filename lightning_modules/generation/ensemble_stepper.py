"""Several decoders as one: at each step the mean of their word probabilities.

Shape legend: M members, N captions, V vocabulary.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lightning_modules.generation.strategy import (
    Generated,
    LatentSampling,
    Request,
    SpecialTokens,
    Stepper,
    Strategy,
)


class EnsembleState(NamedTuple):
    """The state of each member's decoder."""

    members: tuple[Any, ...]

    def select(self, rows: Tensor) -> "EnsembleState":
        """Return the state of the captions in `rows`, in that order; rows may repeat."""
        return EnsembleState(tuple(state.select(rows) for state in self.members))


class EnsembleStepper:
    """Reads the same words with every member; its logits are the log of the mean of their probabilities.

    Args:
        steppers: The members' decoders.
    """

    def __init__(self, steppers: Sequence[Stepper]) -> None:
        self.steppers = steppers

    def step(self, tokens_N: Tensor, state: EnsembleState) -> tuple[Tensor, EnsembleState]:
        """Read one token of each caption; return `logits_NV` of the next, and the state to go on from."""
        steps = [
            stepper.step(tokens_N, of_member) for stepper, of_member in zip(self.steppers, state.members, strict=True)
        ]
        logits_MNV = torch.stack([logits_NV.float() for logits_NV, _ in steps])
        return mean_log_probability(logits_MNV), EnsembleState(tuple(after for _, after in steps))


def mean_log_probability(logits_MNV: Tensor) -> Tensor:
    """Return log (1/M) Σ_m P_m of the distributions that logits describe, in nats: [N, V]."""
    return logits_MNV.log_softmax(dim=-1).logsumexp(dim=0) - math.log(len(logits_MNV))


class StartOf(Strategy):
    """Generates nothing: keeps what a strategy would be handed, so that several models can be started together.

    Args:
        sampling: The latents that captions are to be generated from.
        max_length: Most tokens of a caption, `<eos>` included.

    Attributes:
        stepper: The decoder.
        state: Its state before the last token of the prefix.
        first_N: That token, for each latent sample.
    """

    stepper: Stepper
    state: Any
    first_N: Tensor

    def __init__(self, sampling: LatentSampling, max_length: int) -> None:
        self.num = sampling.num
        self.latents = sampling
        self.max_length = max_length

    def bind(self, request: Request) -> Strategy:
        """Return itself: what the captions must contain is a matter of those who generate them."""
        return self

    def __call__(self, stepper: Stepper, state: Any, first_N: Tensor, special: SpecialTokens) -> Generated:
        self.stepper, self.state, self.first_N = stepper, state, first_N
        nats_N = torch.zeros(len(first_N), device=first_N.device)
        end_N = torch.full_like(first_N, special.eos_id)
        return Generated(end_N.unsqueeze(1), nats_N, nats_N, torch.ones_like(first_N, dtype=torch.bool))
