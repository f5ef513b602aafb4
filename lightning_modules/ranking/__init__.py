"""Ranking: which of an image's candidate captions comes first.

Contract: `Ranker`.
"""

from lightning_modules.ranking.bayes_risk import BayesRisk
from lightning_modules.ranking.consensus import Consensus
from lightning_modules.ranking.likelihood import Likelihood
from lightning_modules.ranking.mix import Mix
from lightning_modules.ranking.ranked_generation import generate_ranked
from lightning_modules.ranking.ranker import Candidates, Ranker, best_first
from lightning_modules.ranking.reconstruction import Reconstruction
from lightning_modules.ranking.training_index import TrainingIndex

__all__ = [
    "BayesRisk",
    "Candidates",
    "Consensus",
    "Likelihood",
    "Mix",
    "Ranker",
    "Reconstruction",
    "TrainingIndex",
    "best_first",
    "generate_ranked",
]
