"""Code readers: networks that read the grid of an image's codes before the transformer. Contract: `CodeReader`."""

from lightning_modules.networks.code_readers.code_reader import CodeReader
from lightning_modules.networks.code_readers.convolutional import ConvolutionalReader
from lightning_modules.networks.code_readers.decoded import DecodedReader

__all__ = ["CodeReader", "ConvolutionalReader", "DecodedReader"]
