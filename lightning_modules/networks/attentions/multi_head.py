"""Shape legend: M memories, N captions, L tokens, Q queries of an image, P places, D width of a place, H hidden,
K heads, h width of a head.
"""

import torch
from torch import Tensor, nn

from lightning_modules.networks.attentions.attention import Attention, attend, attention_weights
from lightning_modules.networks.layers.linear import Linear


class MultiHeadAttention(Attention):
    """Multi-head attention as a residual layer: x + W · heads(norm(x), places) (Vaswani et al. 2017, section 3.2.2).

    Args:
        width: Width D of a place.
        positions: Number of places P; each has a learned embedding.
        hidden_size: Width H of the decoder's state.
        num_heads: Heads; they share the width.

    Raises:
        ValueError: The heads cannot share the width equally.
    """

    def __init__(self, *, width: int, positions: int, hidden_size: int, num_heads: int = 4) -> None:
        super().__init__()
        if hidden_size % num_heads:
            raise ValueError(
                f"model.attention.num_heads must divide model.decoder.hidden_size={hidden_size}, got {num_heads}"
            )
        self.num_heads = num_heads
        self.position_PD = nn.Parameter(0.02 * torch.randn(positions, width))
        self.norm = nn.LayerNorm(hidden_size)
        self.query = Linear(hidden_size, hidden_size)
        self.key_value = Linear(width, 2 * hidden_size)
        self.out = Linear(hidden_size, hidden_size)

    def project_memory(self, memory_MPD: Tensor) -> Tensor:
        """Project the places to keys and values, side by side: `memory_MKPhh`."""
        key_value_MPH = self.key_value(memory_MPD + self.position_PD)
        return key_value_MPH.unflatten(-1, (self.num_heads, -1)).transpose(1, 2).contiguous()

    def forward(self, hidden_NLH: Tensor, memory_MKPhh: Tensor) -> Tensor:
        key_MKPh, value_MKPh = memory_MKPhh.chunk(2, dim=-1)
        seen_MQH = attend(self._query(hidden_NLH, memory_MKPhh), key_MKPh, value_MKPh)
        return hidden_NLH + self.out(seen_MQH).view_as(hidden_NLH)

    def weights(self, hidden_NLH: Tensor, memory_MKPhh: Tensor) -> Tensor:
        """Return the mean of the heads' weights."""
        key_MKPh, _ = memory_MKPhh.chunk(2, dim=-1)
        weights_MKQP = attention_weights(self._query(hidden_NLH, memory_MKPhh), key_MKPh)
        return weights_MKQP.mean(dim=1).reshape(*hidden_NLH.shape[:2], -1)

    def _query(self, hidden_NLH: Tensor, memory_MKPhh: Tensor) -> Tensor:
        """Return `query_MKQh` of the normalised states, the captions of an image side by side."""
        query_MQH = self.query(self.norm(hidden_NLH)).reshape(memory_MKPhh.shape[0], -1, hidden_NLH.shape[-1])
        return query_MQH.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
