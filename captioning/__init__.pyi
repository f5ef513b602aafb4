from .example import EXAMPLE_MODEL, EXAMPLE_SCENES
from .pipeline import CaptionPipeline, Description

__all__ = ["EXAMPLE_MODEL", "EXAMPLE_SCENES", "CaptionPipeline", "Description"]
