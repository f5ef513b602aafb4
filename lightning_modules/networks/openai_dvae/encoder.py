"""Shape legend: B images, C channels, H rows, W columns, P = positions of the code grid, D feature width, K codes."""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from lightning_modules.networks.encoders.encoder import Encoder
from lightning_modules.networks.encoders.pixels import PixelScaling
from lightning_modules.networks.openai_dvae.layers import Convolution, check_sizes, group

STRIDE = 8  # pixels of a position in each direction
KERNELS = (3, 3, 3, 1)


class OpenAIEncoder(Encoder):
    """The encoder of OpenAI's discrete VAE up to its last convolution, which `logits` is.

    Four groups of residual blocks; between them the resolution is halved, and the width doubled. Frozen. The defaults
    are the sizes of the published network: 74 tensors with 53,786,240 numbers.

    Args:
        image_size: Height and width of the images in pixels, a multiple of 8.
        hidden_size: Channels of the first group, a multiple of 4; the features are eight times as wide.
        num_codes: K, the codes that `logits` tells apart.
        blocks_per_group: Residual blocks of each group.

    Raises:
        ValueError: A size is not allowed.
    """

    frozen = True

    def __init__(
        self, *, image_size: int, hidden_size: int = 256, num_codes: int = 8192, blocks_per_group: int = 2
    ) -> None:
        super().__init__()
        if image_size < STRIDE or image_size % STRIDE:
            raise ValueError(
                f"data.image_size={image_size}: OpenAI's discrete VAE takes images whose height and width are a "
                f"multiple of {STRIDE} pixels; change it"
            )
        check_sizes(hidden_size=hidden_size, num_codes=num_codes, blocks_per_group=blocks_per_group)
        self.image_size = image_size
        self.positions = (image_size // STRIDE) ** 2
        self.width = 8 * hidden_size
        self.scale_pixels = PixelScaling(mean=[-0.125] * 3, std=[1.25] * 3)  # x in [0, 1] becomes 0.8 x + 0.1
        widths = [hidden_size, hidden_size, 2 * hidden_size, 4 * hidden_size, 8 * hidden_size]
        blocks: OrderedDict[str, nn.Module] = OrderedDict(input=Convolution(3, hidden_size, 7))
        for i in range(4):
            blocks[f"group_{i + 1}"] = group(widths[i], widths[i + 1], num_blocks=blocks_per_group, kernels=KERNELS)
            if i < 3:
                blocks[f"group_{i + 1}"].add_module("pool", nn.MaxPool2d(2))
        output = OrderedDict(relu=nn.ReLU(), conv=Convolution(self.width, num_codes, 1))
        blocks["output"] = nn.Sequential(output)
        self.blocks = nn.Sequential(blocks).requires_grad_(False)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Return `features_BPD` of `uint8` images, position by position, row by row.

        Raises:
            ValueError: The images have another size than `image_size`.
        """
        if images_BCHW.shape[2:] != (self.image_size, self.image_size):
            height, width = images_BCHW.shape[2:]
            raise ValueError(
                f"OpenAI's discrete VAE was built for images of {self.image_size} × {self.image_size} pixels, got "
                f"{height} × {width}; resize and crop the images, or build it with another image_size"
            )
        x_BCHW = self.scale_pixels(images_BCHW)
        for name, block in self.blocks.named_children():
            if name != "output":
                x_BCHW = block(x_BCHW)
        return x_BCHW.relu().flatten(2).transpose(1, 2)

    def logits(self, features_BPD: Tensor) -> Tensor:
        """Return `logits_BPK` of the codes: the last convolution, which is 1 × 1; in float32 under any autocast."""
        conv = self.blocks.get_submodule("output.conv")
        assert isinstance(conv, Convolution)
        with torch.autocast(features_BPD.device.type, enabled=False):
            return linear(features_BPD.float(), conv.w[:, :, 0, 0].float(), conv.b.float())
