"""What the encoder and the decoder are made of; parameters have their published names.

Shape legend: B images, C channels, H rows, W columns, K codes.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

NUM_GROUPS = 4


class Convolution(nn.Module):
    """A convolution that keeps rows and columns, with weights `w` [out, in, size, size] and `b` [out].

    Args:
        in_channels: Channels that it reads.
        out_channels: Channels that it returns.
        size: Height and width of its kernel in pixels; odd.
    """

    def __init__(self, in_channels: int, out_channels: int, size: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(out_channels, in_channels, size, size) / math.sqrt(in_channels * size**2))
        self.b = nn.Parameter(torch.zeros(out_channels))
        self.padding = size // 2

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return conv2d(x_BCHW, self.w, self.b, padding=self.padding)


class ScaledResidualBlock(nn.Module):
    """Adds four convolutions, scaled down, to its input; where the channels change, to a convolution 1 × 1 of it.

    Args:
        in_channels: Channels that it reads.
        out_channels: Channels that it returns; the convolutions between have a quarter of them.
        kernels: Height and width of the kernel of each of the four convolutions.
        gain: What their result is multiplied by.
    """

    def __init__(self, in_channels: int, out_channels: int, *, kernels: Sequence[int], gain: float) -> None:
        super().__init__()
        self.id_path = nn.Identity() if in_channels == out_channels else Convolution(in_channels, out_channels, 1)
        inner = out_channels // 4
        channels = (in_channels, inner, inner, inner, out_channels)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for i, kernel in enumerate(kernels):
            layers[f"relu_{i + 1}"] = nn.ReLU()
            layers[f"conv_{i + 1}"] = Convolution(channels[i], channels[i + 1], kernel)
        self.res_path = nn.Sequential(layers)
        self.gain = gain

    def forward(self, x_BCHW: Tensor) -> Tensor:
        identity_BCHW: Tensor = self.id_path(x_BCHW)
        return identity_BCHW + self.gain * self.res_path(x_BCHW)


def group(in_channels: int, out_channels: int, *, num_blocks: int, kernels: Sequence[int]) -> nn.Sequential:
    """Return one of the four groups of residual blocks, without the change of resolution behind it."""
    gain = 1 / (NUM_GROUPS * num_blocks) ** 2
    channels = (in_channels, *(out_channels for _ in range(num_blocks)))
    blocks = [ScaledResidualBlock(channels[i], out_channels, kernels=kernels, gain=gain) for i in range(num_blocks)]
    return nn.Sequential(OrderedDict((f"block_{i + 1}", block) for i, block in enumerate(blocks)))


def check_sizes(**sizes: int) -> None:
    """Raise a `ValueError` that names a size which is not positive, or a `hidden_size` that 4 does not divide."""
    for name, size in sizes.items():
        divisor = 4 if name == "hidden_size" else 1
        if size < 1 or size % divisor:
            expected = f"a positive multiple of {divisor}" if divisor > 1 else "a positive number"
            raise ValueError(f"{name}: expected {expected}, got {size}; the published network has its default")
