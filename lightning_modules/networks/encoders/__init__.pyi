from .encoder import Encoder, FeatureShape, FineTuning
from .resnet import ResNetEncoder
from .strided import StridedEncoder
from .timm import TimmEncoder

__all__ = ["Encoder", "FeatureShape", "FineTuning", "ResNetEncoder", "StridedEncoder", "TimmEncoder"]
