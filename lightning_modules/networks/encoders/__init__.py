"""Encoders: an image becomes a grid of features.

Contract: `Encoder`.
"""

from lightning_modules.networks.encoders.encoder import Encoder
from lightning_modules.networks.encoders.resnet import ResNetEncoder
from lightning_modules.networks.encoders.timm import TimmEncoder

__all__ = ["Encoder", "ResNetEncoder", "TimmEncoder"]
