"""Quantizers: the features at each position of a grid become one code of a codebook, and the code's vector.

Contract: `Quantizer`.
"""

from lightning_modules.networks.quantizers.finite_scalar import FiniteScalarQuantizer
from lightning_modules.networks.quantizers.gumbel import GumbelQuantizer, uniform_kl
from lightning_modules.networks.quantizers.quantizer import Quantized, Quantizer, refuse_other_codes
from lightning_modules.networks.quantizers.vector import VectorQuantizer

__all__ = [
    "FiniteScalarQuantizer",
    "GumbelQuantizer",
    "Quantized",
    "Quantizer",
    "VectorQuantizer",
    "refuse_other_codes",
    "uniform_kl",
]
