"""Shape legend: B images, P positions of the grid of codes, H width of the transformer, h rows, w columns."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from lightning_modules.networks.code_readers.code_reader import CodeReader
from lightning_modules.networks.layers.residual import ResidualBlock


class ConvolutionalReader(CodeReader):
    """Residual convolutions over the grid, whose result is added to the vectors of the codes.

    A shape lies across several codes; two convolutions of 3×3 in each block see it as a shape from the start.

    Args:
        hidden_size: H.
        grid_size: Rows and columns of the grid.
        image_size: Not used.
        num_blocks: Residual blocks.
        channels: Of their convolutions.

    Raises:
        ValueError: There is no block.
    """

    def __init__(
        self, *, hidden_size: int, grid_size: tuple[int, int], image_size: int, num_blocks: int = 2, channels: int = 128
    ) -> None:
        super().__init__()
        if num_blocks < 1:
            raise ValueError(
                f"model.code_reader.num_blocks must be at least 1 (for none choose model/code_reader=none), got "
                f"{num_blocks}"
            )
        self.grid_size = grid_size
        self.body = nn.Sequential(
            nn.Conv2d(hidden_size, channels, 1),
            *(ResidualBlock(channels) for _ in range(num_blocks)),
            nn.ReLU(),
            nn.Conv2d(channels, hidden_size, 1),
        ).to(memory_format=torch.channels_last)

    def forward(self, x_BPH: Tensor, decoded: Callable[[], Tensor]) -> Tensor:
        x_BHhw = x_BPH.transpose(1, 2).unflatten(2, self.grid_size).contiguous(memory_format=torch.channels_last)
        read_BPH = self.body(x_BHhw).flatten(2).transpose(1, 2)
        return x_BPH + read_BPH
