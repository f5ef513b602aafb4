from torch import Tensor, nn

from lightning_modules.networks.combiners.combiner import Combiner


class FiLMCombiner(Combiner):
    """Style scales and shifts content: (1 + γ(S)) · W C + β(S) (Perez et al. 2018, equation 2)."""

    def __init__(self, *, style_dim: int, content_dim: int, context_dim: int = 256) -> None:
        super().__init__()
        self.context_dim = context_dim
        self.content = nn.Linear(content_dim, context_dim)
        self.scale_and_shift = nn.Linear(style_dim, 2 * context_dim)

    def forward(self, style_NS: Tensor, content_NC: Tensor) -> Tensor:
        scale_NX, shift_NX = self.scale_and_shift(style_NS).chunk(2, dim=-1)
        return (1 + scale_NX) * self.content(content_NC) + shift_NX
