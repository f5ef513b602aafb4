"""What is measured, shown, watched and kept while a model trains."""

from callbacks.caption_metrics import CaptionMetrics
from callbacks.caption_samples import CaptionSamples
from callbacks.constant_monitors import ConstantMonitors
from callbacks.latent_usage import LatentUsage
from callbacks.missing_images import MissingImages
from callbacks.moving_average import MovingAverage
from callbacks.non_finite_steps import NonFiniteError, NonFiniteSteps
from callbacks.reconstruction_metrics import ReconstructionMetrics
from callbacks.reconstructions import Reconstructions
from callbacks.resume_checkpoints import ResumeCheckpoints
from callbacks.same_data import SameData
from callbacks.step_seeds import StepSeeds

__all__ = [
    "CaptionMetrics",
    "CaptionSamples",
    "ConstantMonitors",
    "LatentUsage",
    "MissingImages",
    "MovingAverage",
    "NonFiniteError",
    "NonFiniteSteps",
    "ReconstructionMetrics",
    "Reconstructions",
    "ResumeCheckpoints",
    "SameData",
    "StepSeeds",
]
