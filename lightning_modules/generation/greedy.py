"""The likeliest next word, always."""

from typing import Any

from torch import Tensor

from lightning_modules.generation.strategy import Generated, SpecialTokens, Stepper, Strategy, generate
from utils.require import require


class Greedy(Strategy):
    """One caption an image, from the means of its codes: at each step the likeliest word.

    Args:
        max_length: Most tokens of a caption, `<eos>` included.
    """

    def __init__(self, *, max_length: int = 40) -> None:
        require(max_length >= 1, "generation.max_length", "at least 1", max_length)
        self.max_length = max_length

    def __call__(self, stepper: Stepper, state: Any, first_N: Tensor, special: SpecialTokens) -> Generated:
        return generate(
            stepper,
            state,
            first_N,
            special,
            choose=lambda logits_NV, generated: logits_NV.argmax(dim=-1),
            max_length=self.max_length,
        )
