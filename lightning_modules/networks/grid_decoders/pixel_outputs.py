"""From a grid decoder's outputs to pixels: which numbers it has for each, and what image they mean.

Shape legend: B images, X numbers of a pixel, C channels, H rows, W columns.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

SQUEEZE, EDGE = 0.8, 0.1  # of the logit-Laplace distribution: y = 0.8 x + 0.1 is in (0, 1), where the logit is finite


class PixelOutput(ABC):
    """What the outputs for a pixel mean.

    Attributes:
        channels: X, the outputs of each pixel.
    """

    channels: ClassVar[int]

    @abstractmethod
    def images(self, outputs_BXHW: Tensor) -> Tensor:
        """Return the images that they stand for, in [0, 1]: [B, 3, H, W]."""


class UnitPixels(PixelOutput):
    """A value from −1 to 1 for each channel, as the encoder reads them: x = (output + 1) / 2, clamped."""

    channels = 3

    def images(self, outputs_BXHW: Tensor) -> Tensor:
        return unit_values(outputs_BXHW).clamp(0, 1)


class LogitLaplacePixels(PixelOutput):
    """Mean μ and ln b of a logit-Laplace distribution for each channel (Ramesh et al. 2021, appendix A.3).

    x = (sigmoid(μ) − 0.1) / 0.8, clamped.
    """

    channels = 6

    def images(self, outputs_BXHW: Tensor) -> Tensor:
        mean_BCHW, _ = outputs_BXHW.float().chunk(2, dim=1)
        return ((mean_BCHW.sigmoid() - EDGE) / SQUEEZE).clamp(0, 1)


def unit_values(outputs_BXHW: Tensor) -> Tensor:
    """Return pixels in [0, 1] for values from −1 to 1; what lies beyond stays beyond."""
    return outputs_BXHW.float() * 0.5 + 0.5
