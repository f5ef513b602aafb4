import math
from abc import ABC, abstractmethod

from torch import Tensor, nn


class Encoder(nn.Module, ABC):
    """From an image to a grid of features.

    Its constructor takes `image_size` (height and width of the images in pixels), and the keys of its YAML, which has
    `frozen` and `memory_dim`.

    Attributes:
        positions: P, the positions of the grid.
        width: D, the features of each position.
        frozen: Whether training leaves the encoder, and so its features of an image, as they are.
        memory_dim: For features of any scale, such as those of a published backbone: the latents normalise them, and
            project those that attention reads to this width. None leaves features as they are.
    """

    positions: int
    width: int
    frozen: bool = False
    memory_dim: int | None = None

    @property
    def grid(self) -> tuple[int, int] | None:
        """Rows and columns of the grid: as many, for images are square. None where P is no square number.

        An encoder whose grid has another shape overrides it; attention cannot be laid over the image without.
        """
        side = math.isqrt(self.positions)
        return (side, side) if side * side == self.positions else None

    @abstractmethod
    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Return `features_BPD` of `uint8` images, position by position, row by row."""

    def load_pretrained(self) -> None:
        """Read published weights, where the encoder was told of some; for the start of a training run."""
