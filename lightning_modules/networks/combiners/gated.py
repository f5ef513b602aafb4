import torch
from torch import Tensor, nn

from lightning_modules.networks.combiners.combiner import Combiner


class GatedCombiner(Combiner):
    """A gate that sees both codes blends them: g · W_s S + (1 − g) · W_c C (Arevalo et al. 2017, equation 4)."""

    def __init__(self, *, style_dim: int, content_dim: int, context_dim: int = 256) -> None:
        super().__init__()
        self.context_dim = context_dim
        self.style = nn.Linear(style_dim, context_dim)
        self.content = nn.Linear(content_dim, context_dim)
        self.gate = nn.Linear(style_dim + content_dim, context_dim)

    def forward(self, style_NS: Tensor, content_NC: Tensor) -> Tensor:
        gate_NX = torch.sigmoid(self.gate(torch.cat([style_NS, content_NC], dim=-1)))
        return gate_NX * self.style(style_NS) + (1 - gate_NX) * self.content(content_NC)
