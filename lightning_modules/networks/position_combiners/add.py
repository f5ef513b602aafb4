from torch import Tensor

from lightning_modules.networks.position_combiners.position_combiner import PositionCombiner


class AddPosition(PositionCombiner):
    """The sum, x + p (Vaswani et al. 2017, section 3.5; DALL-E)."""

    def forward(self, token_H: Tensor, position_H: Tensor) -> Tensor:
        return token_H + position_H
