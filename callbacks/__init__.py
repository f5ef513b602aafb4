"""What is measured, shown, watched and kept while a model trains."""

from callbacks.caption_metrics import CaptionMetrics
from callbacks.caption_samples import CaptionSamples
from callbacks.latent_usage import LatentUsage
from callbacks.moving_average import MovingAverage
from callbacks.own_noise import OwnNoise
from callbacks.reconstruction_metrics import ReconstructionMetrics
from callbacks.reconstructions import Reconstructions

__all__ = [
    "CaptionMetrics",
    "CaptionSamples",
    "LatentUsage",
    "MovingAverage",
    "OwnNoise",
    "ReconstructionMetrics",
    "Reconstructions",
]
