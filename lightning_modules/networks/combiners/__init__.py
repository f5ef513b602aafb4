"""Combiners: style and content become one context. Contract: `Combiner`."""

from lightning_modules.networks.combiners.add import AddCombiner
from lightning_modules.networks.combiners.attention import AttentionCombiner
from lightning_modules.networks.combiners.combiner import Combiner
from lightning_modules.networks.combiners.film import FiLMCombiner
from lightning_modules.networks.combiners.gated import GatedCombiner
from lightning_modules.networks.combiners.mult import MultCombiner

__all__ = ["AddCombiner", "AttentionCombiner", "Combiner", "FiLMCombiner", "GatedCombiner", "MultCombiner"]
