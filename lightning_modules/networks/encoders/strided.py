"""The encoder of the discrete VAE: strided convolutions and residual blocks, without normalisation.

Shape legend: B images, C channels, H rows, W columns, P = grid positions, D = feature width.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from lightning_modules.networks.encoders.encoder import Encoder
from lightning_modules.networks.encoders.pixels import PixelScaling
from lightning_modules.networks.layers.residual import ResidualBlock
from utils.require import require


class StridedEncoder(Encoder):
    """`num_layers` convolutions of stride 2, then `num_resnet_blocks` residual blocks, all of `hidden_size` channels.

    The encoder of DALLE-pytorch's `DiscreteVAE` up to its last layer, which is the quantizer's here. Features of an
    image depend on no other image: there are no batch statistics.

    Args:
        image_size: Height and width of the images in pixels; a multiple of 2^num_layers.
        num_layers: Convolutions (4×4, stride 2), each of which halves the resolution.
        num_resnet_blocks: Residual blocks on the coarse grid, after all of them.
        hidden_size: Channels of every convolution, the width of the features.
        frozen: Whether training leaves it as it is, as it was started (`pretrained_model`).
        memory_dim: See `Encoder`.

    Raises:
        ValueError: There is no convolution, or `image_size` is not a multiple of 2^num_layers.
    """

    def __init__(
        self,
        *,
        image_size: int,
        num_layers: int = 3,
        num_resnet_blocks: int = 2,
        hidden_size: int = 32,
        frozen: bool = False,
        memory_dim: int | None = None,
    ) -> None:
        super().__init__()
        require(num_layers >= 1, "model.encoder.num_layers", "at least 1", num_layers)
        shrinkage = 2**num_layers
        if image_size % shrinkage:
            raise ValueError(
                f"data.image_size={image_size} must be a multiple of 2^num_layers = {shrinkage}; "
                f"change data.image_size or model.encoder.num_layers"
            )
        self.frozen = frozen
        self.memory_dim = memory_dim
        self.positions = (image_size // shrinkage) ** 2
        self.width = hidden_size
        self.scale_pixels = PixelScaling(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
        widths = [3, *[hidden_size] * num_layers]
        self.halvings = nn.ModuleList(
            nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1)
            for in_channels, out_channels in pairwise(widths)
        ).to(memory_format=torch.channels_last)
        self.blocks = nn.Sequential(*(ResidualBlock(hidden_size) for _ in range(num_resnet_blocks))).to(
            memory_format=torch.channels_last
        )
        self.requires_grad_(not frozen)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        x_BDHW = self.scale_pixels(images_BCHW)
        for halving in self.halvings:
            x_BDHW = torch.relu(halving(x_BDHW))
        return self.blocks(x_BDHW).flatten(2).transpose(1, 2)
