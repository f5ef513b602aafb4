"""Shape legend: M memories, N captions, L tokens, Q queries of an image, P places, D width of a place, H hidden."""

import torch
from torch import Tensor, nn

from lightning_modules.networks.attentions.attention import Attention
from lightning_modules.networks.layers.linear import Linear


class LuongAttention(Attention):
    """Global attention with the `general` score after the recurrence (Luong et al. 2015, equations 5, 7 and 8).

    The recurrence does not depend on what attention saw, so that all words are attended at once in training.

    Args:
        width: Width D of a place.
        positions: Number of places P; each has a learned embedding.
        hidden_size: Width H of the decoder's state.
    """

    def __init__(self, *, width: int, positions: int, hidden_size: int) -> None:
        super().__init__()
        self.to_memory = Linear(width, hidden_size)
        self.position_PH = nn.Parameter(0.02 * torch.randn(positions, hidden_size))
        self.query = Linear(hidden_size, hidden_size, bias=False)
        self.join = Linear(2 * hidden_size, hidden_size)

    def project_memory(self, memory_MPD: Tensor) -> Tensor:
        """Project the places to the decoder's width and mark each position."""
        return self.to_memory(memory_MPD) + self.position_PH

    def forward(self, hidden_NLH: Tensor, memory_MPH: Tensor) -> Tensor:
        """Return the states after a look at the image."""
        seen_NLH = (self._weights(hidden_NLH, memory_MPH) @ memory_MPH).view_as(hidden_NLH)
        return torch.tanh(self.join(torch.cat([hidden_NLH, seen_NLH], dim=-1)))

    def weights(self, hidden_NLH: Tensor, memory_MPH: Tensor) -> Tensor:
        return self._weights(hidden_NLH, memory_MPH).reshape(*hidden_NLH.shape[:2], -1)

    def _weights(self, hidden_NLH: Tensor, memory_MPH: Tensor) -> Tensor:
        """Return `weights_MQP`, an image's captions side by side; the scores are scaled by 1/√H, unlike the paper's."""
        hidden_MQH = hidden_NLH.reshape(memory_MPH.shape[0], -1, hidden_NLH.shape[-1])
        scores_MQP = self.query(hidden_MQH) @ memory_MPH.transpose(1, 2) / hidden_NLH.shape[-1] ** 0.5
        return scores_MQP.softmax(dim=-1)
