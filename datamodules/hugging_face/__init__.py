"""Data sets of the Hugging Face library `datasets`: from the hub, or from files here.

Lhoest et al., "Datasets: A Community Library for Natural Language Processing", EMNLP 2021, system demonstrations.
"""

from datamodules.hugging_face.hugging_face_datamodule import HuggingFaceDataModule
from datamodules.hugging_face.streaming_datamodule import HuggingFaceStreamingDataModule

__all__ = ["HuggingFaceDataModule", "HuggingFaceStreamingDataModule"]
