from .checkpoints.averaging import average_checkpoints, save_captioner
from .checkpoints.loading import load_captioner
from .inference import GeneratedBatch
from .split_evaluation import EvaluationOutput
from .variational_captioner import VariationalCaptioner

__all__ = [
    "EvaluationOutput",
    "GeneratedBatch",
    "VariationalCaptioner",
    "average_checkpoints",
    "load_captioner",
    "save_captioner",
]
