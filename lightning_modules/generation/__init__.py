"""Generation: from the decoder's start state to sentences, and from a caption's state to the codes of an image.

Contract: `Strategy`. What a strategy asks of a decoder is a `Stepper` whose states can be reordered; what it returns is
`Generated`. Of images it is `Drawing`, `DrawingStepper` and `DrawnCodes`.
"""

from lightning_modules.generation.beam import Beam
from lightning_modules.generation.constrained_beam import ConstrainedBeam
from lightning_modules.generation.diverse_beam import DiverseBeam
from lightning_modules.generation.drawing import Drawing, DrawingStepper, DrawnCodes, GreedyDrawing, SampledDrawing
from lightning_modules.generation.ensemble_stepper import EnsembleState, EnsembleStepper, StartOf
from lightning_modules.generation.filtering import filter_logits
from lightning_modules.generation.greedy import Greedy
from lightning_modules.generation.greedy_selection import marginal_gains
from lightning_modules.generation.latent import Latent
from lightning_modules.generation.mixture_stepper import MixtureState, MixtureStepper
from lightning_modules.generation.pool import Pool
from lightning_modules.generation.sample import Sample
from lightning_modules.generation.selection import length_normalised, rows_in_sets
from lightning_modules.generation.strategy import (
    Generated,
    LatentSampling,
    Request,
    Selection,
    SpecialTokens,
    Stepper,
    StepState,
    Strategy,
    allowed_words,
    generate,
)
from lightning_modules.generation.style_edits import interpolate_styles, traverse_style

__all__ = [
    "Beam",
    "ConstrainedBeam",
    "DiverseBeam",
    "Drawing",
    "DrawingStepper",
    "DrawnCodes",
    "EnsembleState",
    "EnsembleStepper",
    "Generated",
    "Greedy",
    "GreedyDrawing",
    "Latent",
    "LatentSampling",
    "MixtureState",
    "MixtureStepper",
    "Pool",
    "Request",
    "Sample",
    "SampledDrawing",
    "Selection",
    "SpecialTokens",
    "StartOf",
    "StepState",
    "Stepper",
    "Strategy",
    "allowed_words",
    "filter_logits",
    "generate",
    "interpolate_styles",
    "length_normalised",
    "marginal_gains",
    "rows_in_sets",
    "traverse_style",
]
