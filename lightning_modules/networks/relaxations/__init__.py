"""Relaxations: a distribution over words becomes something like words, through which gradients flow.

Contract: `Relaxation`; each row of its weights sums to one.
Shape legend: N captions, L tokens, V vocabulary.
"""

from lightning_modules.networks.relaxations.expected import ExpectedWords
from lightning_modules.networks.relaxations.relaxation import Relaxation
from lightning_modules.networks.relaxations.straight_through_gumbel import StraightThroughGumbel

__all__ = ["ExpectedWords", "Relaxation", "StraightThroughGumbel"]
