from .encoder import Encoder
from .resnet import ResNetEncoder
from .strided import StridedEncoder
from .timm import TimmEncoder

__all__ = ["Encoder", "ResNetEncoder", "StridedEncoder", "TimmEncoder"]
