"""What a model makes of images before it captions them, and what of that can be kept."""

from lightning_modules.features.image_features import ImageFeatures

__all__ = ["ImageFeatures"]
