"""The decoder of the discrete VAE: residual blocks and transposed convolutions, without normalisation.

Shape legend: B images, P positions of the grid, E width of a code's vector, X numbers of a pixel, H rows, W columns.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from lightning_modules.networks.grid_decoders.grid_decoder import GridDecoder
from lightning_modules.networks.layers.residual import ResidualBlock


class StridedGridDecoder(GridDecoder):
    """`num_resnet_blocks` residual blocks on the grid, then transposed convolutions, each of which doubles it.

    The decoder of DALLE-pytorch's `DiscreteVAE`. Its first and last convolutions are 1×1: small receptive fields beside
    the codes carry over better from relaxed to hard codes (Ramesh et al. 2021, section 2.1).

    Args:
        code_dim: E.
        grid_size: Rows and columns of the grid, as many.
        image_size: Height and width of the images in pixels, the grid's times 2, 4, 8, ….
        channels: X.
        num_resnet_blocks: Residual blocks on the coarse grid; without any the first transposed convolution reads the
            vectors.
        hidden_size: Channels of every convolution.

    Raises:
        ValueError: No number of doublings leads from the grid to the image.
    """

    def __init__(
        self,
        *,
        code_dim: int,
        grid_size: tuple[int, int],
        image_size: int,
        channels: int,
        num_resnet_blocks: int = 2,
        hidden_size: int = 32,
    ) -> None:
        super().__init__()
        rows, columns = grid_size
        num_layers = (image_size // rows).bit_length() - 1
        if rows != columns or num_layers < 1 or image_size != rows * 2**num_layers:
            raise ValueError(
                f"model.grid_decoder doubles the {rows}×{columns} positions of the encoder until they are pixels, "
                f"which does not lead to data.image_size={image_size}; choose one that is {rows} times a power of "
                f"two, or another model/encoder"
            )
        self.grid_size = grid_size
        entrance: list[nn.Module] = [nn.Conv2d(code_dim, hidden_size, 1)] if num_resnet_blocks else []
        widths = [hidden_size if num_resnet_blocks else code_dim, *[hidden_size] * num_layers]
        self.blocks = nn.Sequential(*entrance, *(ResidualBlock(hidden_size) for _ in range(num_resnet_blocks)))
        self.doublings = nn.ModuleList(
            nn.ConvTranspose2d(wide, narrow, 4, stride=2, padding=1) for wide, narrow in pairwise(widths)
        )
        self.output = nn.Conv2d(hidden_size, channels, 1)
        self.to(memory_format=torch.channels_last)  # twice as fast on a CPU

    def forward(self, vectors_BPE: Tensor) -> Tensor:
        x_BEHW = vectors_BPE.transpose(1, 2).unflatten(2, self.grid_size).contiguous(memory_format=torch.channels_last)
        x_BEHW = self.blocks(x_BEHW)
        for doubling in self.doublings:
            x_BEHW = torch.relu(doubling(x_BEHW))
        return self.output(x_BEHW)
