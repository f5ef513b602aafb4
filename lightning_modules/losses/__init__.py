"""The VAE-loss and its terms."""

from lightning_modules.losses.terms import caption_cross_entropy, free_bits, reconstruction_nll
from lightning_modules.losses.vae_loss import LossReport, LossTerms, VAELoss

__all__ = ["LossReport", "LossTerms", "VAELoss", "caption_cross_entropy", "free_bits", "reconstruction_nll"]
