from .encoder import Encoder
from .resnet import ResNetEncoder
from .timm import TimmEncoder

__all__ = ["Encoder", "ResNetEncoder", "TimmEncoder"]
