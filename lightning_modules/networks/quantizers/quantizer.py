"""The contract of all quantizers.

Shape legend: B images, P positions of the grid, D features of a position, K codes, E width of a code's vector.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from utils.seeding import Generators


class Quantized(NamedTuple):
    """What a quantizer makes of grids of features.

    Attributes:
        vectors_BPE: What the decoder reads. In training it passes gradients on to the features; in evaluation it is
            `vectors(codes_BP)`.
        codes_BP: The code of each position, integers from 0 to K − 1; several of a position stand side by side.
        cost_B: What the quantizer adds to the loss of each image, before its weight; summed over the positions.
        logged: Numbers of training to watch, by name.
    """

    vectors_BPE: Tensor
    codes_BP: Tensor
    cost_B: Tensor
    logged: Mapping[str, Tensor] = MappingProxyType({})


class Quantizer(nn.Module, ABC):
    """From features to codes and their vectors, position by position; all in float32, also under autocast.

    Its constructor takes `width` (D, of the features), and the keys of its YAML, which has `code_dim`.

    Attributes:
        num_codes: K, the codes of a codebook.
        codes_per_position: R, the codes of each position, each of another codebook.
        code_dim: E, the width of a code's vector.
        cost_name: What `Quantized.cost_B` is, for logs: `kl` or `commitment`. None where it is zero.
        cost_weight: How much it counts in the loss.
    """

    num_codes: int
    codes_per_position: int = 1
    code_dim: int
    cost_name: ClassVar[str | None] = None
    cost_weight: float = 0.0

    def forward(self, grid_BPD: Tensor, step: int) -> Quantized:
        """Quantize the features of images.

        In training the codebook may change, and the result be random. In evaluation neither is so: codes are those of
        `codes`.

        Args:
            grid_BPD: The features.
            step: The training step, for what changes over training.
        """
        with torch.autocast(grid_BPD.device.type, enabled=False):
            return self.quantize(grid_BPD.float(), step)

    @abstractmethod
    def quantize(self, grid_BPD: Tensor, step: int) -> Quantized:
        """Do what `forward` says, of float32 features outside of autocast."""

    @abstractmethod
    def codes(self, grid_BPD: Tensor) -> Tensor:
        """Return `codes_BP` of features, without noise: those of evaluation and use."""

    @abstractmethod
    def vectors(self, codes_BP: Tensor) -> Tensor:
        """Return `vectors_BPE` of codes; where a position has several codes, the sum of their vectors."""

    def code_vectors(self) -> Tensor:
        """Return the vector of each code, `vectors_KE`; of several codebooks one after the other, [R · K, E]."""
        device = next(self.parameters()).device
        return self.vectors(torch.arange(self.num_codes, device=device).unsqueeze(0)).squeeze(0)

    def relaxed(self, grid_BPD: Tensor, step: int, generators: Generators | None = None) -> Tensor | None:
        """Return `vectors_BPE` as training has the decoder read them, where those are no vectors of codes; else None.

        Args:
            grid_BPD: The features.
            step: The training step.
            generators: Where the noise of each image comes from; None for PyTorch's own.
        """
        return None


def refuse_other_codes(codes_BP: Tensor, grid_size: tuple[int, int], num_codes: int) -> None:
    """Raise a `ValueError` unless these can be codes of a discrete VAE with such a grid and so many codes."""
    rows, columns = grid_size
    if codes_BP.ndim != 2 or codes_BP.shape[1] != rows * columns:
        raise ValueError(
            f"expected {rows * columns} codes an image, for a grid of {rows}×{columns} positions, got a tensor of "
            f"shape {[*codes_BP.shape]}; encode the images with this discrete VAE"
        )
    if codes_BP.numel() and not 0 <= codes_BP.min() <= codes_BP.max() < num_codes:
        raise ValueError(
            f"expected codes from 0 to {num_codes - 1}, got {codes_BP.min()} to {codes_BP.max()}; encode the images "
            f"with this discrete VAE"
        )


def straight_through(hard: Tensor, soft: Tensor) -> Tensor:
    """Return `hard` on the way forward, with the gradient of `soft` on the way back (Bengio et al. 2013)."""
    return soft + (hard - soft).detach()
