from torch import Tensor, nn

from lightning_modules.networks.combiners.combiner import Combiner


class AddCombiner(Combiner):
    """The sum of both codes, each projected to the context's width."""

    def __init__(self, *, style_dim: int, content_dim: int, context_dim: int = 256) -> None:
        super().__init__()
        self.context_dim = context_dim
        self.style = nn.Linear(style_dim, context_dim)
        self.content = nn.Linear(content_dim, context_dim)

    def forward(self, style_NS: Tensor, content_NC: Tensor) -> Tensor:
        return self.style(style_NS) + self.content(content_NC)
