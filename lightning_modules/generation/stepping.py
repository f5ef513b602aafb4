"""What generation asks of a decoder, and the loop that all one-word-at-a-time strategies share.

Shape legend: N captions, L tokens, V vocabulary.
"""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor


class SpecialTokens(Protocol):
    """The ids that generation must know; `datamodules.tokenizers.Vocabulary` has them."""

    @property
    def pad_id(self) -> int: ...
    @property
    def eos_id(self) -> int: ...
    @property
    def never_said(self) -> tuple[int, ...]: ...


class Stepper(Protocol):
    """The one interface of every decoder to generation."""

    def step(self, tokens_N: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read one token of each caption; return `logits_NV` of the next, and the state to go on from."""
        ...


class Strategy(Protocol):
    """A way to turn word distributions into sentences.

    Attributes:
        num: Captions that it wants of each image.
        noise_scale: Multiplies the standard deviations that an image's codes are drawn with; 0 takes their means.
    """

    num: int
    noise_scale: float

    def __call__(self, stepper: Stepper, state: Any, first_N: Tensor, special: SpecialTokens) -> Tensor: ...


def generate(
    stepper: Stepper,
    state: Any,
    first_N: Tensor,
    special: SpecialTokens,
    *,
    choose: Callable[[Tensor], Tensor],
    max_length: int,
) -> Tensor:
    """Say N captions word by word until all have ended, at most `max_length` tokens.

    Special tokens are never said, and a caption has at least one word. Once a caption has ended it is padded.

    Args:
        stepper: The decoder.
        state: Its state before `first_N`.
        first_N: The last token of each caption's prefix.
        special: The special ids.
        choose: From `logits_NV`, forbidden ones at −∞, to the next `tokens_N`.
        max_length: Most tokens of a caption, `<eos>` included.

    Returns:
        `tokens_NL`: words, `<eos>` unless the caption was cut at `max_length`, then padding.
    """
    tokens_N = first_N
    finished_N = torch.zeros_like(first_N, dtype=torch.bool)
    never_said = torch.tensor(special.never_said, device=first_N.device)
    said: list[Tensor] = []
    while len(said) < max_length and not finished_N.all():
        logits_NV, state = stepper.step(tokens_N, state)
        allowed_NV = logits_NV.float().index_fill(1, never_said, float("-inf"))
        if not said:
            allowed_NV[:, special.eos_id] = float("-inf")
        tokens_N = choose(allowed_NV).masked_fill(finished_N, special.pad_id)
        finished_N = finished_N | (tokens_N == special.eos_id)
        said.append(tokens_N)
    return torch.stack(said, dim=1)
