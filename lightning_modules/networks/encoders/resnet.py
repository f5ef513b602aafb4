"""A small convolutional residual network, trained from scratch.

Shape legend: B images, C channels, H rows, W columns, P = grid positions, D = feature width.
"""

from itertools import pairwise
from typing import Self

import torch
from torch import Tensor, nn

from lightning_modules.networks.encoders.encoder import Encoder
from lightning_modules.networks.encoders.pixels import PixelScaling
from lightning_modules.networks.layers.batch_norm import BatchNorm2d


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with a residual connection around both (He et al. 2016, fig. 2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            BatchNorm2d(channels),
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return torch.relu(x_BCHW + self.body(x_BCHW))


def stage(in_channels: int, out_channels: int, num_resnet_blocks: int) -> nn.Sequential:
    """Halve the resolution with a stride-2 convolution, then refine with residual blocks."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1, bias=False),
        BatchNorm2d(out_channels),
        nn.ReLU(),
        *(ResidualBlock(out_channels) for _ in range(num_resnet_blocks)),
    )


class ResNetEncoder(Encoder):
    """`num_layers` stride-2 stages of `num_resnet_blocks` residual blocks each; the width doubles from stage to stage.

    Args:
        image_size: Height and width of the images in pixels; a multiple of 2^num_layers.
        num_layers: Stages, each of which halves the resolution.
        num_resnet_blocks: Residual blocks a stage.
        base_width: Channels of the first stage.
        frozen: Whether training leaves it as it is, as it was started (`pretrained_model`).
        memory_dim: See `Encoder`.

    Raises:
        ValueError: `image_size` is not a multiple of 2^num_layers.
    """

    def __init__(
        self,
        *,
        image_size: int,
        num_layers: int = 3,
        num_resnet_blocks: int = 2,
        base_width: int = 16,
        frozen: bool = False,
        memory_dim: int | None = None,
    ) -> None:
        super().__init__()
        self.frozen = frozen
        self.memory_dim = memory_dim
        shrinkage = 2**num_layers
        if image_size % shrinkage:
            raise ValueError(
                f"data.image_size={image_size} must be a multiple of 2^num_layers = {shrinkage}; "
                f"change data.image_size or model.encoder.num_layers"
            )
        widths = [base_width * 2**i for i in range(num_layers)]
        self.positions = (image_size // shrinkage) ** 2
        self.width = widths[-1]
        self.scale_pixels = PixelScaling(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
        self.stages = nn.Sequential(
            *(
                stage(in_channels, out_channels, num_resnet_blocks)
                for in_channels, out_channels in pairwise([3, *widths])
            )
        ).to(memory_format=torch.channels_last)
        self.stages.requires_grad_(not frozen)

    def train(self, mode: bool = True) -> Self:
        """Set training mode; a frozen network stays in evaluation mode, or its batch statistics would drift."""
        super().train(mode)
        if self.frozen:
            self.stages.eval()
        return self

    def forward(self, images_BCHW: Tensor) -> Tensor:
        features_BDHW = self.stages(self.scale_pixels(images_BCHW))
        return features_BDHW.flatten(2).transpose(1, 2)
