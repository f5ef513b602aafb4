"""A layer of a transformer that keeps the keys and values of the tokens it has read.

Shape legend: N captions, M images or captions, L tokens, W words of all captions one after the other, T tokens read so
far, P places, H hidden, K heads, h width of a head.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from lightning_modules.networks.attentions import Attention, attend
from lightning_modules.networks.layers.dropout import Dropout
from lightning_modules.networks.layers.linear import Linear
from lightning_modules.networks.layers.packing import PADDED, Packing
from utils.require import require

Sees = Tensor | Literal["earlier", "all"]
"""What each new token sees: itself and those before it, all tokens, or those where booleans are true, which spread over
[N, K, L, T]."""


class TransformerLayer(nn.Module):
    """Self-attention over the words so far, a look at the image, and a feedforward network, each added to its input.

    Each normalises its input, not its output ("pre-norm", Xiong et al. 2020, figure 1b).

    Args:
        hidden_size: Width H of the states.
        num_heads: Heads of the self-attention; they share the width.
        feedforward_size: Width of the hidden layer of the feedforward network.
        dropout: Share of what is added that is set to zero in training.
        cross_attention: The look at the image; None for a layer without.
        bias: Whether queries, keys and values have a bias.
        feedforward: `gelu`, or `geglu`, whose hidden units are multiplied by gates: a ⊙ GELU(b) (Shazeer 2020).
        layer_scale: Where the learned factor of each number that self-attention and feedforward network add starts
            (Touvron et al. 2021, equation 5; the look at the image has none). None for no factor.

    Raises:
        ValueError: There is no such feedforward network.
    """

    def __init__(
        self,
        *,
        hidden_size: int,
        num_heads: int,
        feedforward_size: int,
        dropout: float,
        cross_attention: Attention | None,
        bias: bool = True,
        feedforward: Literal["gelu", "geglu"] = "gelu",
        layer_scale: float | None = None,
    ) -> None:
        super().__init__()
        require(feedforward in ("gelu", "geglu"), "model.transformer.feedforward", "gelu or geglu", feedforward)
        self.num_heads = num_heads
        self.norm_words = nn.LayerNorm(hidden_size)
        self.query_key_value = Linear(hidden_size, 3 * hidden_size, bias=bias)
        self.out = Linear(hidden_size, hidden_size)
        self.cross_attention = cross_attention
        self.norm_feedforward = nn.LayerNorm(hidden_size)
        gated = feedforward == "geglu"
        self.feedforward = nn.Sequential(
            Linear(hidden_size, 2 * feedforward_size if gated else feedforward_size),
            GatedGELU() if gated else nn.GELU(),
            Linear(feedforward_size, hidden_size),
        )
        self.dropout = Dropout(dropout)
        self.scale_words = nn.Identity() if layer_scale is None else LayerScale(hidden_size, layer_scale)
        self.scale_feedforward = nn.Identity() if layer_scale is None else LayerScale(hidden_size, layer_scale)

    def forward(
        self,
        x_NLH: Tensor,
        read_NKThh: Tensor,
        memory_M: Tensor | None,
        *,
        sees: Sees = "earlier",
        packing: Packing = PADDED,
    ) -> tuple[Tensor, Tensor]:
        """Take in L more words; returns their states, and the keys and values of all words.

        Args:
            x_NLH: The words' states; `x_WH` with a packing.
            read_NKThh: Keys and values of the words so far.
            memory_M: The image's places as the cross-attention prepared them.
            sees: What each of these words sees.
            packing: Where the words are that come, and are returned, without padding.
        """
        x_NLH, read_NKThh = self._read(x_NLH, read_NKThh, sees, packing)
        if self.cross_attention is not None:
            x_NLH = packing.pack(self.cross_attention(packing.pad(x_NLH), memory_M))
        added_NLH = self.dropout(self.feedforward(self.norm_feedforward(x_NLH)))
        return x_NLH + self.scale_feedforward(added_NLH), read_NKThh

    def attention_weights(self, x_NLH: Tensor, read_NKThh: Tensor, memory_M: Tensor) -> Tensor:
        """Return how `forward` weighs the image's places for each word: `weights_NLP`."""
        assert self.cross_attention is not None
        weights_NLP: Tensor = self.cross_attention.weights(self._read(x_NLH, read_NKThh)[0], memory_M)
        return weights_NLP

    def _read(
        self, x_NLH: Tensor, read_NKThh: Tensor, sees: Sees = "earlier", packing: Packing = PADDED
    ) -> tuple[Tensor, Tensor]:
        """Return the words' states as they look at the image, and the keys and values of all words."""
        attended_NLH, read_NKThh = self._self_attention(self.norm_words(x_NLH), read_NKThh, sees, packing)
        return x_NLH + self.scale_words(self.dropout(attended_NLH)), read_NKThh

    def _self_attention(self, x_NLH: Tensor, read_NKThh: Tensor, sees: Sees, packing: Packing) -> tuple[Tensor, Tensor]:
        projected_NLHHH = packing.pad(self.query_key_value(x_NLH))
        by_head_NKLhhh = projected_NLHHH.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        width = by_head_NKLhhh.shape[-1] // 3
        query_NKLh, new_NKLhh = by_head_NKLhhh.split([width, 2 * width], dim=-1)
        read_NKThh = torch.cat([read_NKThh, new_NKLhh], dim=2)
        key_NKTh, value_NKTh = read_NKThh.chunk(2, dim=-1)
        if x_NLH.device.type == "cpu" or (isinstance(sees, str) and sees == "earlier"):
            attended_NLH = attend(query_NKLh, key_NKTh, value_NKTh, _unseen(sees, query_NKLh.shape[2], read_NKThh))
        else:  # without a matrix of all weights; on a CPU it is no faster, and in bfloat16 takes twice the time
            seen = sees if isinstance(sees, Tensor) else None
            attended_NKLh = scaled_dot_product_attention(query_NKLh, key_NKTh, value_NKTh, seen)
            attended_NLH = attended_NKLh.transpose(1, 2).flatten(2)
        return self.out(packing.pack(attended_NLH)), read_NKThh


class GatedGELU(nn.Module):
    """Multiplies the first half of the numbers by GELU of the second (Shazeer 2020, equation 6)."""

    def forward(self, x: Tensor) -> Tensor:
        values, gates = x.chunk(2, dim=-1)
        return values * gelu(gates)


class LayerScale(nn.Module):
    """Multiplies each number by a learned factor (Touvron et al. 2021, equation 5).

    Args:
        hidden_size: Numbers of a state.
        start: Where the factors start; small, so that a deep network starts near the identity.
    """

    def __init__(self, hidden_size: int, start: float) -> None:
        super().__init__()
        self.scale_H = nn.Parameter(torch.full((hidden_size,), start))

    def forward(self, x_NLH: Tensor) -> Tensor:
        return x_NLH * self.scale_H


def _unseen(sees: Sees, num_new: int, read_NKThh: Tensor) -> Tensor | None:
    """Return what each of the new words does not see, as booleans; None where it sees all."""
    if isinstance(sees, Tensor):
        return sees.logical_not()
    return None if sees == "all" else _later_words(num_new, read_NKThh)


def _later_words(num_new: int, read_NKThh: Tensor) -> Tensor | None:
    """Return for each of the new words which of all words come after it: [L, T]; None where it is the only one."""
    if num_new == 1:
        return None
    num_all = read_NKThh.shape[2]
    everywhere_LT = torch.ones(num_new, num_all, dtype=torch.bool, device=read_NKThh.device)
    return everywhere_LT.triu(diagonal=num_all - num_new + 1)
