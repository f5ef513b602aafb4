"""The residual block of discrete VAEs.

Shape legend: B images, C channels, H rows, W columns.
"""

from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """x + conv1×1(ReLU(conv3×3(ReLU(conv3×3(x))))), all of one width, without normalisation.

    An image's features so depend on no other image. That of DALLE-pytorch's `DiscreteVAE`.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1),
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW + self.body(x_BCHW)
