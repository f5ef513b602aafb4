"""From token ids to drawings: captions are read, a strategy draws codes, and images are made of them.

What any family of models that draw can share; the mathematics is in `generation` and `networks`.

Shape legend: R drawings, U distinct captions, T rows of the network's batch, L tokens, P positions of the grid of
codes, Q of them that are given.
"""

from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad

from lightning_modules.generation import Drawing, DrawingStepper
from lightning_modules.results.drawn import Drawn
from utils.seeding import Generators


class DrawingNetwork(DrawingStepper, Protocol):
    """A network that draws images of captions, code by code."""

    @property
    def num_codes(self) -> int:
        """How many codes there are."""
        ...

    @property
    def grid_size(self) -> tuple[int, int]:
        """Rows and columns of the codes of an image."""
        ...

    def start_drawing(self, tokens_NL: Tensor, /) -> Any:
        """Read captions (prefix, words, `<eos>`, padded); return the `StepState` before the first code."""
        ...

    def null_tokens(self) -> Tensor:
        """Return the empty caption, which stands for none: [1, L], prefix and `<eos>`."""
        ...

    def decode(self, codes_BP: Tensor, /) -> Tensor:
        """Return the images of codes: [B, C, H, W], in [0, 1]."""
        ...


@torch.no_grad()
def draw_tokens(
    network: DrawingNetwork,
    tokens_RL: Tensor,
    drawing: Drawing,
    *,
    pad_id: int,
    given_RQ: Tensor | None = None,
    generators: Generators | None = None,
) -> Drawn:
    """Draw an image of each caption; equal captions, and the empty one, are read once.

    Args:
        network: The network.
        tokens_RL: The captions: prefix, words, `<eos>`, padded.
        drawing: How.
        pad_id: Fills captions.
        given_RQ: The first codes of each image; None for none.
        generators: One for each image; None for PyTorch's own.
    """
    distinct_UL, rows_T = tokens_RL.unique(dim=0, return_inverse=True)
    if drawing.is_guided:
        rows_T = torch.cat([rows_T, torch.full_like(rows_T, len(distinct_UL))])
        distinct_UL = _stacked(distinct_UL, network.null_tokens().to(distinct_UL), pad_id)
    state = network.start_drawing(distinct_UL).select(rows_T)
    drawn = drawing(network, state, given_RQ=given_RQ, generators=generators)
    return Drawn(network.decode(drawn.codes_RP), *drawn)


def _stacked(first_NL: Tensor, others_NL: Tensor, pad_id: int) -> Tensor:
    """Return captions below others, padded to one length."""
    length = max(first_NL.shape[1], others_NL.shape[1])
    parts = (pad(tokens_NL, (0, length - tokens_NL.shape[1]), value=pad_id) for tokens_NL in (first_NL, others_NL))
    return torch.cat([*parts])
