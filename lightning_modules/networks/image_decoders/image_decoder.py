"""Shape legend: N captions, L tokens, E embedding, C channels, H rows, W columns."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class ImageDecoder(nn.Module, ABC):
    """From the words of a caption to an image.

    Its constructor takes `embedding_dim` (the width of the words), and the keys of its YAML.

    Attributes:
        image_size: Height and width of the images that it makes, in pixels.
    """

    image_size: int

    @abstractmethod
    def forward(self, words_NLE: Tensor, mask_NL: Tensor) -> Tensor:
        """Return `images_NCHW` with values in [0, 1], of embedded words where the mask is true."""
