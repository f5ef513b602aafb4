"""The losses and their terms."""

from lightning_modules.losses.bag_of_words import BagOfWords
from lightning_modules.losses.confidence_penalty import ConfidencePenalty
from lightning_modules.losses.consensus_weights import ConsensusWeights
from lightning_modules.losses.dalle_loss import DALLELoss
from lightning_modules.losses.discrete_vae_loss import DiscreteVAELoss
from lightning_modules.losses.loss_report import LossReport
from lightning_modules.losses.loss_term import LossTerm, NetworkWidths, WeightedTerm
from lightning_modules.losses.predicted_words import PredictedWordsTerm
from lightning_modules.losses.terms import caption_cross_entropy, free_bits, reconstruction_nll
from lightning_modules.losses.vae_loss import LossTerms, VAELoss

__all__ = [
    "BagOfWords",
    "ConfidencePenalty",
    "ConsensusWeights",
    "DALLELoss",
    "DiscreteVAELoss",
    "LossReport",
    "LossTerm",
    "LossTerms",
    "NetworkWidths",
    "PredictedWordsTerm",
    "VAELoss",
    "WeightedTerm",
    "caption_cross_entropy",
    "free_bits",
    "reconstruction_nll",
]
