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
from lightning_modules.networks.layers.segment_transformer import SegmentTransformer
from utils.require import require

NUM_HEADS = 4  # of the self-attention


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


class SelfAttention(nn.Module):
    """Layers of self-attention among the positions of a grid, each of which knows where it is.

    Args:
        positions: P.
        width: D.
        num_layers: Layers.
    """

    def __init__(self, positions: int, width: int, num_layers: int) -> None:
        super().__init__()
        self.position_PD = nn.Parameter(torch.randn(positions, width) * 0.2)
        self.transformer = SegmentTransformer(
            hidden_size=width, num_layers=num_layers, num_heads=NUM_HEADS, feedforward_size=4 * width
        )

    def forward(self, features_BPD: Tensor) -> Tensor:
        nothing = self.transformer.nothing(features_BPD.shape[0])  # len() would fix it in an exported program
        states_BPD, _ = self.transformer(features_BPD + self.position_PD, nothing, ordered=False)
        return states_BPD


class ResNetEncoder(Encoder):
    """`num_layers` stride-2 stages of `num_resnet_blocks` residual blocks each; the width doubles from stage to stage.

    Args:
        image_size: Height and width of the images in pixels; a multiple of 2^num_layers.
        num_layers: Stages, each of which halves the resolution.
        num_resnet_blocks: Residual blocks a stage.
        base_width: Channels of the first stage.
        num_attention_layers: Layers of self-attention behind the stages, by which a position knows what is at others;
            before them a learned vector of each position is added to its features.
        frozen: Whether training leaves it as it is, as it was started (`pretrained_model`).
        memory_dim: See `Encoder`.

    Raises:
        ValueError: `image_size` is not a multiple of 2^num_layers, or the heads of the self-attention cannot share the
            features equally.
    """

    def __init__(
        self,
        *,
        image_size: int,
        num_layers: int = 3,
        num_resnet_blocks: int = 2,
        base_width: int = 16,
        num_attention_layers: int = 0,
        frozen: bool = False,
        memory_dim: int | None = None,
    ) -> None:
        super().__init__()
        self.frozen = frozen
        self.memory_dim = memory_dim
        require(num_attention_layers >= 0, "model.encoder.num_attention_layers", "at least 0", num_attention_layers)
        shrinkage = 2**num_layers
        if image_size % shrinkage:
            raise ValueError(
                f"data.image_size={image_size} must be a multiple of 2^num_layers = {shrinkage}; "
                f"change data.image_size or model.encoder.num_layers"
            )
        widths = [base_width * 2**i for i in range(num_layers)]
        self.positions = (image_size // shrinkage) ** 2
        self.width = widths[-1]
        if num_attention_layers and self.width % NUM_HEADS:
            raise ValueError(
                f"model.encoder.base_width={base_width} makes {self.width} features, which the {NUM_HEADS} heads of "
                f"model.encoder.num_attention_layers cannot share equally; take a multiple of {NUM_HEADS}"
            )
        self.scale_pixels = PixelScaling(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
        self.stages = nn.Sequential(
            *(
                stage(in_channels, out_channels, num_resnet_blocks)
                for in_channels, out_channels in pairwise([3, *widths])
            )
        ).to(memory_format=torch.channels_last)
        self.relations = (
            SelfAttention(self.positions, self.width, num_attention_layers) if num_attention_layers else None
        )
        self.requires_grad_(not frozen)

    def train(self, mode: bool = True) -> Self:
        """Set training mode; a frozen network stays in evaluation mode, or its batch statistics would drift."""
        super().train(mode)
        if self.frozen:
            self.stages.eval()
        return self

    def forward(self, images_BCHW: Tensor) -> Tensor:
        features_BDHW = self.stages(self.scale_pixels(images_BCHW))
        features_BPD = features_BDHW.flatten(2).transpose(1, 2)
        return features_BPD if self.relations is None else self.relations(features_BPD)
