"""The built-in data set: drawn scenes, captions from a grammar, and metrics that check captions against the scene."""

from datamodules.shapes.consistency import CaptionConsistency
from datamodules.shapes.shapes_datamodule import ShapesDataModule
from datamodules.shapes.style_scores import StyleScores
from datamodules.shapes.truth import CaptionCoverage, CaptionTruth

__all__ = ["CaptionConsistency", "CaptionCoverage", "CaptionTruth", "ShapesDataModule", "StyleScores"]
