"""What attention reads beside the places of the image."""

from lightning_modules.networks.memories.predicted_words import PredictedWords, WordLogits

__all__ = ["PredictedWords", "WordLogits"]
