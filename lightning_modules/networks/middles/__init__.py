"""Middle layers: the decoder's state becomes a distribution over words. Contract: `Middle`."""

from lightning_modules.networks.middles.middle import Middle
from lightning_modules.networks.middles.residual import ResidualMiddle

__all__ = ["Middle", "ResidualMiddle"]
