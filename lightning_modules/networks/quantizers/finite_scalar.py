"""Codes as a grid of levels: nothing to learn, nothing that could go unused for good.

Shape legend: B images, P positions of the grid, D features of a position, d numbers of a code, E width of its vector.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lightning_modules.networks.quantizers.quantizer import Quantized, Quantizer, straight_through
from utils.require import require

MARGIN = 1e-3  # by which the outermost levels are reached before the tanh is at its end
SATURATED = 3.0  # beyond which the tanh passes on less than a hundredth of the gradient


class FiniteScalarQuantizer(Quantizer):
    """Finite scalar quantization (Mentzer et al. 2023): d numbers, each rounded to one of a few levels.

    The features become d numbers by a linear layer, these are bounded and rounded with the gradient passed through, and
    the levels become the vector by another linear layer. Every combination of levels is a code. There is no cost, and
    processes exchange nothing.

    Args:
        width: D.
        levels: How many levels each number has. The paper's table 1 recommends [8, 6, 5] for about 2⁸ codes,
            [8, 5, 5, 5] for 2¹⁰, [7, 5, 5, 5, 5] for 2¹², [8, 8, 8, 6, 5] for 2¹⁴ and [8, 8, 8, 5, 5, 5] for 2¹⁶.
        code_dim: E.

    Raises:
        ValueError: There is no number, or one has fewer than three levels.
    """

    half_widths: Tensor
    basis: Tensor
    bounds: Tensor
    offsets: Tensor
    shifts: Tensor

    def __init__(self, *, width: int, levels: Sequence[int], code_dim: int = 32) -> None:
        super().__init__()
        enough = bool(levels) and min(levels) >= 3
        require(enough, "model.quantizer.levels", "numbers of levels of at least 3 each", [*levels])
        self.levels = tuple(levels)
        self.num_codes = math.prod(levels)
        self.code_dim = code_dim
        self.projection = nn.Linear(width, len(levels))
        self.expansion = nn.Linear(len(levels), code_dim)
        bounds = [(level - 1) * (1 + MARGIN) / 2 for level in levels]
        offsets = [0.0 if level % 2 else 0.5 for level in levels]
        shifts = [math.atanh(offset / bound) for offset, bound in zip(offsets, bounds, strict=True)]
        for name, numbers in (("bounds", bounds), ("offsets", offsets), ("shifts", shifts)):
            self.register_buffer(name, torch.tensor(numbers), persistent=False)
        self.register_buffer("half_widths", torch.tensor([level // 2 for level in levels]), persistent=False)
        places = [math.prod(levels[:place]) for place in range(len(levels))]
        self.register_buffer("basis", torch.tensor(places), persistent=False)

    def quantize(self, grid_BPD: Tensor, step: int) -> Quantized:
        numbers_BPd = self.projection(grid_BPD)
        levels_BPd = self._levels(numbers_BPd)
        codes_BP = self._codes(levels_BPd)
        vectors_BPE = self.expansion(levels_BPd / self.half_widths) if self.training else self.vectors(codes_BP)
        saturated = (numbers_BPd.detach().abs() > SATURATED).float().mean()
        return Quantized(vectors_BPE, codes_BP, grid_BPD.new_zeros(len(grid_BPD)), {"saturated": saturated})

    def codes(self, grid_BPD: Tensor) -> Tensor:
        return self._codes(self._levels(self.projection(grid_BPD)))

    def vectors(self, codes_BP: Tensor) -> Tensor:
        return self.expansion(self.levels_of(codes_BP) / self.half_widths)

    def levels_of(self, codes_BP: Tensor) -> Tensor:
        """Return the levels that codes stand for, each from −⌊L/2⌋ to ⌈L/2⌉ − 1: [B, P, d]."""
        counts = torch.tensor(self.levels, device=codes_BP.device)
        return codes_BP.unsqueeze(-1) // self.basis % counts - self.half_widths

    def _levels(self, numbers_BPd: Tensor) -> Tensor:
        bounded_BPd = self.bounds * torch.tanh(numbers_BPd + self.shifts) - self.offsets
        return straight_through(bounded_BPd.round(), bounded_BPd)

    def _codes(self, levels_BPd: Tensor) -> Tensor:
        return ((levels_BPd.detach().round().long() + self.half_widths) * self.basis).sum(dim=-1)
