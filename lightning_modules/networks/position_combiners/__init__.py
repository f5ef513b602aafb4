"""Position combiners: how words and codes meet their positions. Contract: `PositionCombiner`."""

from lightning_modules.networks.position_combiners.add import AddPosition
from lightning_modules.networks.position_combiners.mult import MultPosition
from lightning_modules.networks.position_combiners.position_combiner import PositionCombiner

__all__ = ["AddPosition", "MultPosition", "PositionCombiner"]
