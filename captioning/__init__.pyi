from .pipeline import CaptionPipeline, Description

__all__ = ["CaptionPipeline", "Description"]
