"""The model: networks, losses, generation, and the LightningModule that trains them."""

from lightning_modules.caption_pipeline import CaptionPipeline, Description
from lightning_modules.checkpoint import load_captioner
from lightning_modules.checkpoint_average import average_checkpoints, save_captioner
from lightning_modules.describing import Descriptions
from lightning_modules.split_evaluation import EvaluationOutput
from lightning_modules.variational_captioner import VariationalCaptioner

__all__ = [
    "CaptionPipeline",
    "Description",
    "Descriptions",
    "EvaluationOutput",
    "VariationalCaptioner",
    "average_checkpoints",
    "load_captioner",
    "save_captioner",
]
