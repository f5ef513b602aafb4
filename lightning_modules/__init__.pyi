from .base import (
    CaptioningModule,
    EvaluatedModule,
    EvaluationOutput,
    Example,
    FacetModule,
    GeneratedBatch,
    seeds_of_images,
)
from .checkpoints.averaging import average_checkpoints, save_module
from .checkpoints.hub import from_pretrained, save_pretrained
from .checkpoints.loading import load_captioner, load_discrete_vae, load_module
from .checkpoints.tokenizer import load_tokenizer
from .dalle_captioner import DalleCaptioner
from .distilled_captioner import Distillation, DistilledCaptioner
from .ensemble import Ensemble, load_ensemble
from .image_coder import ImageCoder
from .results.coded_images import CodedImages
from .self_critical_captioner import SelfCritical, SelfCriticalCaptioner
from .variational_captioner import VariationalCaptioner

__all__ = [
    "CaptioningModule",
    "CodedImages",
    "DalleCaptioner",
    "Distillation",
    "DistilledCaptioner",
    "Ensemble",
    "EvaluatedModule",
    "EvaluationOutput",
    "Example",
    "FacetModule",
    "GeneratedBatch",
    "ImageCoder",
    "SelfCritical",
    "SelfCriticalCaptioner",
    "VariationalCaptioner",
    "average_checkpoints",
    "from_pretrained",
    "load_captioner",
    "load_discrete_vae",
    "load_ensemble",
    "load_module",
    "load_tokenizer",
    "save_module",
    "save_pretrained",
    "seeds_of_images",
]
