"""What a model is exported as: parts that run one after the other, outside of this project and of PyTorch.

Contract: `ExportedModel`, which `CaptioningModule.export_parts` returns.
"""

from lightning_modules.exporting.captioner_parts import captioner_parts
from lightning_modules.exporting.parts import ExportedModel, NoiseInput, Part

__all__ = ["ExportedModel", "NoiseInput", "Part", "captioner_parts"]
