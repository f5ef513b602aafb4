"""Combiners: style and content codes become one context.

Contract: `forward(style_NS, content_NC)` returns `context_NX`; `context_dim` gives X.
Shape legend: N captions, S style, C content, X context.
"""

from lightning_modules.networks.combiners.add import AddCombiner
from lightning_modules.networks.combiners.attention import AttentionCombiner
from lightning_modules.networks.combiners.film import FiLMCombiner
from lightning_modules.networks.combiners.gated import GatedCombiner
from lightning_modules.networks.combiners.mult import MultCombiner

__all__ = ["AddCombiner", "AttentionCombiner", "FiLMCombiner", "GatedCombiner", "MultCombiner"]
