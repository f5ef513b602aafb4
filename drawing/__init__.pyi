from .pipeline import DrawingPipeline, Drawings, Prime

__all__ = ["DrawingPipeline", "Drawings", "Prime"]
