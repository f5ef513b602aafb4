"""Shape legend: B images, P positions, E width of a code's vector, X numbers of a pixel, H rows, W columns."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class GridDecoder(nn.Module, ABC):
    """From the code vectors of a grid to what a `PixelOutput` reads each pixel from.

    Its constructor takes `code_dim` (E), `grid_size` (rows and columns of the grid), `image_size` (height and width of
    the images in pixels), `channels` (X), and the keys of its YAML.
    """

    @abstractmethod
    def forward(self, vectors_BPE: Tensor) -> Tensor:
        """Return `outputs_BXHW` of code vectors, which stand row by row."""
