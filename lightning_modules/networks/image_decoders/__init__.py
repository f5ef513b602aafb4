"""Image decoders: a caption becomes an image. Contract: `ImageDecoder`."""

from lightning_modules.networks.image_decoders.convolutional import ConvolutionalImageDecoder
from lightning_modules.networks.image_decoders.image_decoder import ImageDecoder

__all__ = ["ConvolutionalImageDecoder", "ImageDecoder"]
