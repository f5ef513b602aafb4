"""Shape legend: B images, C channels, H rows, W columns, P = positions of the code grid, E width of a code's vector."""

from collections import OrderedDict

from torch import Tensor, nn

from lightning_modules.networks.openai_dvae.layers import Convolution, check_sizes, group

KERNELS = (1, 3, 3, 3)
COLOURS = 3


class OpenAIDecoder(nn.Module):
    """The decoder of OpenAI's discrete VAE.

    Its first convolution, 1 × 1 over one-hot codes, is `vectors`. Behind it come four groups of residual blocks;
    between them the resolution is doubled, and the width halved. Frozen. The defaults are the sizes of the published
    network: 76 tensors with 43,829,766 numbers.

    Args:
        grid_size: Rows and columns of the code grid.
        hidden_size: Channels of the last group, a multiple of 4; those of the first are eight times as many.
        code_dim: E, the width of a code's vector.
        num_codes: K, the codes that it knows.
        blocks_per_group: Residual blocks of each group.

    Raises:
        ValueError: A size is not allowed.
    """

    def __init__(
        self,
        *,
        grid_size: tuple[int, int],
        hidden_size: int = 256,
        code_dim: int = 128,
        num_codes: int = 8192,
        blocks_per_group: int = 2,
    ) -> None:
        super().__init__()
        check_sizes(hidden_size=hidden_size, code_dim=code_dim, num_codes=num_codes, blocks_per_group=blocks_per_group)
        self.grid_size = grid_size
        self.num_codes = num_codes
        widths = [code_dim, 8 * hidden_size, 4 * hidden_size, 2 * hidden_size, hidden_size]
        blocks: OrderedDict[str, nn.Module] = OrderedDict(input=Convolution(num_codes, code_dim, 1))
        for i in range(4):
            blocks[f"group_{i + 1}"] = group(widths[i], widths[i + 1], num_blocks=blocks_per_group, kernels=KERNELS)
            if i < 3:
                blocks[f"group_{i + 1}"].add_module("upsample", nn.Upsample(scale_factor=2, mode="nearest"))
        output = OrderedDict(relu=nn.ReLU(), conv=Convolution(hidden_size, 2 * COLOURS, 1))
        blocks["output"] = nn.Sequential(output)
        self.blocks = nn.Sequential(blocks).requires_grad_(False)

    def vectors(self, codes_BP: Tensor) -> Tensor:
        """Return `vectors_BPE` of codes: what the first convolution makes of them as one-hot vectors, exactly.

        A lookup: it needs 1/K of the convolution's memory, and is in float32 under any autocast.
        """
        first = self.blocks.get_submodule("input")
        assert isinstance(first, Convolution)
        return first.w[:, :, 0, 0].T[codes_BP].float() + first.b.float()

    def forward(self, vectors_BPE: Tensor) -> Tensor:
        """Return of each pixel and colour μ and ln b of the logit-Laplace distribution: [B, 6, H, W], μ first."""
        x_BCHW = vectors_BPE.transpose(1, 2).unflatten(2, self.grid_size)
        for name, block in self.blocks.named_children():
            if name != "input":
                x_BCHW = block(x_BCHW)
        return x_BCHW
