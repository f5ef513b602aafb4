from torch import Tensor

from lightning_modules.networks.position_combiners.position_combiner import PositionCombiner


class MultPosition(PositionCombiner):
    """The product, x · (1 + p): a position scales each number of a token."""

    def forward(self, token_H: Tensor, position_H: Tensor) -> Tensor:
        return token_H * (1 + position_H)
