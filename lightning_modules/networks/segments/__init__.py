"""Segments: what a transformer of words and codes reads and predicts, a text or an image."""

from lightning_modules.networks.segments.image import ImageSegment
from lightning_modules.networks.segments.text import TextSegment

__all__ = ["ImageSegment", "TextSegment"]
