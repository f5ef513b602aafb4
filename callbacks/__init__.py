"""What is measured, shown and watched while a model trains."""

from callbacks.caption_metrics import CaptionMetrics
from callbacks.caption_samples import CaptionSamples
from callbacks.latent_usage import LatentUsage
from callbacks.missing_images import MissingImages
from callbacks.non_finite_steps import NonFiniteError, NonFiniteSteps
from callbacks.reconstruction_metrics import ReconstructionMetrics
from callbacks.reconstructions import Reconstructions

__all__ = [
    "CaptionMetrics",
    "CaptionSamples",
    "LatentUsage",
    "MissingImages",
    "NonFiniteError",
    "NonFiniteSteps",
    "ReconstructionMetrics",
    "Reconstructions",
]
