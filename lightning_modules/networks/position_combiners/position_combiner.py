"""Shape legend: H width, any number of dimensions before it."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class PositionCombiner(nn.Module, ABC):
    """How the vector of a token, a word or a code, meets that of its position."""

    @abstractmethod
    def forward(self, token_H: Tensor, position_H: Tensor) -> Tensor:
        """Return what the transformer reads, [..., H]; the positions spread over the tokens."""
