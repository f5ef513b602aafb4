"""A transformer that reads segments, each in order or all at once, and keeps the keys and values of what it has read.

Shape legend: N rows, L tokens, T tokens read so far, H hidden, K heads, h width of a head.
"""

from typing import Literal, NamedTuple, Self

import torch
from torch import Tensor, nn

from lightning_modules.networks.layers.dropout import Dropout
from lightning_modules.networks.layers.transformer_layer import Sees, TransformerLayer


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
        return type(self)(tuple(layer_NKThh[rows] for layer_NKThh in self.layers_NKThh), is_token_NT)

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
        if num_layers < 1:
            raise ValueError(f"model.transformer.num_layers must be at least 1, got {num_layers}")
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
        self, x_NLH: Tensor, read: ReadTokens, *, ordered: bool, is_token_NL: Tensor | None = None
    ) -> tuple[Tensor, ReadTokens]:
        """Read L more tokens; return the state of each after the last layer, and what to go on from.

        Args:
            x_NLH: The tokens.
            read: What was read before, all of which they see but for padding.
            ordered: Whether each sees only those of them up to itself; otherwise each sees all.
            is_token_NL: Which of them are no padding, which no token sees; the first is none. None where all are none.
        """
        is_token_NT = _joined(read, is_token_NL, x_NLH)
        sees = _sees(x_NLH.shape[1], read.num_tokens, is_token_NT, ordered=ordered, device=x_NLH.device)
        x_NLH = self.dropout(x_NLH)
        after = []
        for layer, before_NKThh in zip(self.layers, read.layers_NKThh, strict=True):
            x_NLH, after_NKThh = layer(x_NLH, before_NKThh, None, sees=sees)
            after.append(after_NKThh)
        return self.norm(x_NLH), ReadTokens(tuple(after), is_token_NT)


def _joined(read: ReadTokens, is_token_NL: Tensor | None, x_NLH: Tensor) -> Tensor | None:
    """Return which of all tokens, those read before and the new ones, are no padding; None where all are."""
    if read.is_token_NT is None and is_token_NL is None:
        return None
    before_NT, new_NL = read.is_token_NT, is_token_NL
    if before_NT is None:
        before_NT = torch.ones(len(x_NLH), read.num_tokens, dtype=torch.bool, device=x_NLH.device)
    if new_NL is None:
        new_NL = torch.ones(x_NLH.shape[:2], dtype=torch.bool, device=x_NLH.device)
    return torch.cat([before_NT, new_NL], dim=1)


def _sees(num_new: int, num_before: int, is_token_NT: Tensor | None, *, ordered: bool, device: torch.device) -> Sees:
    """Return what each new token sees: padding, too, sees the tokens before it."""
    earlier_LT = None
    if ordered and num_new > 1:
        everywhere_LT = torch.ones(num_new, num_before + num_new, dtype=torch.bool, device=device)
        earlier_LT = everywhere_LT.tril(diagonal=num_before)
    if is_token_NT is None:
        return "all" if earlier_LT is None else earlier_LT
    seen_N1LT = is_token_NT[:, None, None, :]
    return seen_N1LT if earlier_LT is None else seen_N1LT & earlier_LT
