"""A transformer that reads segments, each in order or all at once, and keeps the keys and values of what it has read.

Shape legend: N rows, L tokens, W tokens of all rows one after the other, T tokens read so far, H hidden, K heads,
h width of a head.
"""

from typing import Literal, NamedTuple, Self

import torch
from torch import Tensor, nn

from lightning_modules.networks.layers.dropout import Dropout
from lightning_modules.networks.layers.packing import PADDED, Packing
from lightning_modules.networks.layers.transformer_layer import Sees, TransformerLayer
from utils.require import require


class ReadTokens(NamedTuple):
    """What the transformer has read.

    Attributes:
        layers_NKThh: Of each layer, keys and values (side by side) of the tokens read so far.
        is_token_NT: Which of them are no padding; None where all are.
    """

    layers_NKThh: tuple[Tensor, ...]
    is_token_NT: Tensor | None = None

    def select(self, rows: Tensor) -> Self:
        """Return what was read of some rows, in that order; rows may repeat."""
        is_token_NT = None if self.is_token_NT is None else self.is_token_NT[rows]
        return type(self)(tuple(layer_NKThh.index_select(0, rows) for layer_NKThh in self.layers_NKThh), is_token_NT)

    @property
    def num_tokens(self) -> int:
        """T."""
        return self.layers_NKThh[0].shape[2]


class SegmentTransformer(nn.Module):
    """A stack of `TransformerLayer`s, then a layer normalisation.

    Args:
        hidden_size: Width H of every layer.
        num_layers: Layers.
        num_heads: Heads of each layer's self-attention; they share the width.
        feedforward_size: Width of the hidden layer of each feedforward network.
        dropout: Share of the tokens as they enter, and of what each layer adds, that is set to zero in training.
        bias: See `TransformerLayer`.
        feedforward: See `TransformerLayer`.
        layer_scale: See `TransformerLayer`.

    Raises:
        ValueError: The heads cannot share the width equally, or there is no layer.
    """

    def __init__(
        self,
        *,
        hidden_size: int = 128,
        num_layers: int = 4,
        num_heads: int = 4,
        feedforward_size: int = 512,
        dropout: float = 0.0,
        bias: bool = True,
        feedforward: Literal["gelu", "geglu"] = "gelu",
        layer_scale: float | None = None,
    ) -> None:
        super().__init__()
        require(num_layers >= 1, "model.transformer.num_layers", "at least 1", num_layers)
        if num_heads < 1 or hidden_size % num_heads:
            raise ValueError(f"model.transformer.num_heads must divide hidden_size={hidden_size}, got {num_heads}")
        self.hidden_size = hidden_size
        self.num_heads = num_heads
        self.layers = nn.ModuleList(
            TransformerLayer(
                hidden_size=hidden_size,
                num_heads=num_heads,
                feedforward_size=feedforward_size,
                dropout=dropout,
                cross_attention=None,
                bias=bias,
                feedforward=feedforward,
                layer_scale=layer_scale,
            )
            for _ in range(num_layers)
        )
        self.dropout = Dropout(dropout)
        self.norm = nn.LayerNorm(hidden_size)

    def nothing(self, num_rows: int) -> ReadTokens:
        """Return the state before the first token."""
        width, device = 2 * self.hidden_size // self.num_heads, self.norm.weight.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else self.norm.weight.dtype
        nothing_NKThh = self.norm.weight.new_zeros(num_rows, self.num_heads, 0, width, dtype=dtype)
        return ReadTokens((nothing_NKThh,) * len(self.layers))

    def forward(
        self, x_NLH: Tensor, read: ReadTokens, *, ordered: bool, packing: Packing = PADDED
    ) -> tuple[Tensor, ReadTokens]:
        """Read L more tokens; return the state of each after the last layer, and what to go on from.

        Args:
            x_NLH: The tokens; `x_WH` with a packing, as their states then are.
            read: What was read before, all of which they see but for padding.
            ordered: Whether each sees only those of them up to itself; otherwise each sees all.
            packing: Where the tokens are that come without padding, which stands at the right and which nothing sees.
        """
        num_new = (x_NLH if packing.is_word_NL is None else packing.is_word_NL).shape[1]
        is_token_NT = _joined(read, packing.is_word_NL, num_new)
        sees = _sees(num_new, read, is_token_NT, ordered=ordered)
        x_NLH = self.dropout(x_NLH)
        after = []
        for layer, before_NKThh in zip(self.layers, read.layers_NKThh, strict=True):
            x_NLH, after_NKThh = layer(x_NLH, before_NKThh, None, sees=sees, packing=packing)
            after.append(after_NKThh)
        return self.norm(x_NLH), ReadTokens(tuple(after), is_token_NT)


def _joined(read: ReadTokens, is_token_NL: Tensor | None, num_new: int) -> Tensor | None:
    """Return which of all tokens, those read before and the new ones, are no padding; None where all are."""
    if read.is_token_NT is None and is_token_NL is None:
        return None
    rows_NKThh = read.layers_NKThh[0]
    before_NT, new_NL = (
        rows_NKThh.new_ones(len(rows_NKThh), num, dtype=torch.bool) if given is None else given
        for given, num in ((read.is_token_NT, read.num_tokens), (is_token_NL, num_new))
    )
    return torch.cat([before_NT, new_NL], dim=1)


def _sees(num_new: int, read: ReadTokens, is_token_NT: Tensor | None, *, ordered: bool) -> Sees:
    """Return what each new token sees."""
    seen_N1LT = None if is_token_NT is None else is_token_NT[:, None, None, :]
    if not ordered or num_new == 1:
        return "all" if seen_N1LT is None else seen_N1LT
    everywhere_LT = read.layers_NKThh[0].new_ones(num_new, read.num_tokens + num_new, dtype=torch.bool)
    earlier_LT = everywhere_LT.tril(diagonal=read.num_tokens)
    # the padding of the new ones is later than all of them
    return earlier_LT if read.is_token_NT is None or seen_N1LT is None else seen_N1LT & earlier_LT
