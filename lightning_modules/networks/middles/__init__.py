"""Middle layers: the decoder's state becomes a distribution over words.

Contract: `forward(hidden_NLH)` returns `logits_NLV`.
"""

from lightning_modules.networks.middles.residual import ResidualMiddle

__all__ = ["ResidualMiddle"]
