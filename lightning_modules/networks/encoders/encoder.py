from abc import ABC, abstractmethod

from torch import Tensor, nn


class Encoder(nn.Module, ABC):
    """What every encoder offers.

    Attributes:
        positions: P, the places of the feature grid.
        width: D, the features of each place.
        frozen: Whether training leaves it, and so its features of an image, as they are.
    """

    positions: int
    width: int
    frozen: bool = False

    @abstractmethod
    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Return `features_BPD` of `uint8` images, places row by row."""

    def load_pretrained(self) -> None:
        """Read published weights, where the encoder was told of some; for the start of a training run."""
