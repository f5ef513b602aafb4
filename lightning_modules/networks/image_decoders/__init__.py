"""Image decoders: a sentence becomes an image.

Contract: `forward(words_NLE, mask_NL)` reads embedded words where the mask is true and returns
`images_NCHW` with values in [0, 1]; `image_size` gives H = W.
"""

from lightning_modules.networks.image_decoders.convolutional import ConvolutionalImageDecoder

__all__ = ["ConvolutionalImageDecoder"]
