"""Grid decoders: the code vectors of a grid become an image. Contract: `GridDecoder`."""

from lightning_modules.networks.grid_decoders.grid_decoder import GridDecoder
from lightning_modules.networks.grid_decoders.strided import StridedGridDecoder

__all__ = ["GridDecoder", "StridedGridDecoder"]
