"""What is measured, shown, watched and kept while a model trains."""

from callbacks.caption_metrics import CaptionMetrics
from callbacks.caption_samples import CaptionSamples
from callbacks.latent_usage import LatentUsage
from callbacks.reconstruction_metrics import ReconstructionMetrics
from callbacks.reconstructions import Reconstructions
from callbacks.resume_checkpoints import ResumeCheckpoints
from callbacks.same_data import SameData
from callbacks.step_seeds import StepSeeds

__all__ = [
    "CaptionMetrics",
    "CaptionSamples",
    "LatentUsage",
    "ReconstructionMetrics",
    "Reconstructions",
    "ResumeCheckpoints",
    "SameData",
    "StepSeeds",
]
