"""Relaxations: a distribution over words becomes something like words, through which gradients flow.

Contract: `forward(logits_NLV, step)` returns `weights_NLV`, each row of which sums to one.
Shape legend: N captions, L tokens, V vocabulary.
"""

from lightning_modules.networks.relaxations.expected import ExpectedWords
from lightning_modules.networks.relaxations.straight_through_gumbel import StraightThroughGumbel

__all__ = ["ExpectedWords", "StraightThroughGumbel"]
