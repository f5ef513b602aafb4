"""The likeliest next word, always."""

from typing import Any

from torch import Tensor

from lightning_modules.generation.stepping import SpecialTokens, Stepper, generate


class Greedy:
    """One caption an image, from the means of its codes: at each step the likeliest word.

    Args:
        max_length: Most tokens of a caption, `<eos>` included.
    """

    def __init__(self, *, max_length: int = 40) -> None:
        if max_length < 1:
            raise ValueError(f"generation.max_length must be at least 1, got {max_length}")
        self.num = 1
        self.noise_scale = 0.0
        self.max_length = max_length

    def __call__(self, stepper: Stepper, state: Any, first_N: Tensor, special: SpecialTokens) -> Tensor:
        return generate(
            stepper, state, first_N, special, choose=lambda logits: logits.argmax(dim=-1), max_length=self.max_length
        )
