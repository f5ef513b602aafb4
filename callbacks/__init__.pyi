from .attention_maps import AttentionMaps
from .cached_features import CachedFeatures
from .caption_metrics import CaptionMetrics
from .caption_samples import CaptionSamples
from .caption_weights import CaptionWeights
from .code_usage import CodeUsage
from .constant_monitors import ConstantMonitors
from .expected_time import ExpectedTime
from .kl_history import KLHistory
from .latent_projector import LatentProjector
from .latent_scatter import LatentScatter
from .latent_usage import LatentUsage
from .missing_images import MissingImages
from .moving_average import MovingAverage
from .non_finite_steps import NonFiniteError, NonFiniteSteps
from .progress_bar import ProgressBar
from .reconstruction_metrics import ReconstructionMetrics
from .reconstructions import Reconstructions
from .resume_checkpoints import ResumeCheckpoints
from .same_data import SameData
from .sharded_clipping import ShardedClipping
from .step_seeds import StepSeeds
from .style_grid import StyleGrid
from .style_probe import StyleProbe
from .traversals import Traversals

__all__ = [
    "AttentionMaps",
    "CachedFeatures",
    "CaptionMetrics",
    "CaptionSamples",
    "CaptionWeights",
    "CodeUsage",
    "ConstantMonitors",
    "ExpectedTime",
    "KLHistory",
    "LatentProjector",
    "LatentScatter",
    "LatentUsage",
    "MissingImages",
    "MovingAverage",
    "NonFiniteError",
    "NonFiniteSteps",
    "ProgressBar",
    "ReconstructionMetrics",
    "Reconstructions",
    "ResumeCheckpoints",
    "SameData",
    "ShardedClipping",
    "StepSeeds",
    "StyleGrid",
    "StyleProbe",
    "Traversals",
]
