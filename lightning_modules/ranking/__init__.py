"""Ranking: which of an image's candidate captions, or of a caption's drawings, comes first.

Contract: `Ranker`; of a caption's drawings `DrawingRanker`.
"""

from lightning_modules.ranking.bayes_risk import BayesRisk
from lightning_modules.ranking.consensus import Consensus
from lightning_modules.ranking.drawings import (
    CaptionOfDrawing,
    DrawingLikelihood,
    DrawingRanker,
    best_drawings_first,
)
from lightning_modules.ranking.likelihood import Likelihood
from lightning_modules.ranking.mix import Mix
from lightning_modules.ranking.ranked_generation import generate_ranked
from lightning_modules.ranking.ranker import Candidates, Ranker, best_first
from lightning_modules.ranking.reconstruction import Reconstruction
from lightning_modules.ranking.training_index import TrainingIndex

__all__ = [
    "BayesRisk",
    "Candidates",
    "CaptionOfDrawing",
    "Consensus",
    "DrawingLikelihood",
    "DrawingRanker",
    "Likelihood",
    "Mix",
    "Ranker",
    "Reconstruction",
    "TrainingIndex",
    "best_drawings_first",
    "best_first",
    "generate_ranked",
]
