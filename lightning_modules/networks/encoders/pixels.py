"""From stored pixels to what a convolution wants."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class PixelScaling(nn.Module):
    """`uint8` pixels to floats, minus `mean`, over `std` (both of pixels in [0, 1], one number a channel).

    The result is laid out channels-last, in which convolutions run about twice as fast on a CPU.
    """

    mean_C11: Tensor
    std_C11: Tensor

    def __init__(self, *, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean_C11", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std_C11", torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        scaled_BCHW = (images_BCHW / 255 - self.mean_C11) / self.std_C11
        return scaled_BCHW.contiguous(memory_format=torch.channels_last)
