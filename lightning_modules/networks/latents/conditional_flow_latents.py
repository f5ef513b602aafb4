"""Style with a prior of any shape: a normalising flow that knows the image.

Shape legend: B images, F summary width.
"""

from torch import Tensor

from lightning_modules.networks.latents.conditional import ConditionalLatents, Pooling
from lightning_modules.networks.latents.conditional_flow import ConditionalFlow
from lightning_modules.networks.latents.flow_distribution import FlowDistribution


class ConditionalFlowLatents(ConditionalLatents):
    """q(S|I,w) and q(C|I,S) as in `ConditionalLatents`, and p(S|I) a flow of affine couplings (Dinh et al. 2017).

    The KL of the style is estimated from its sample, and has no parts by dimension.

    Args:
        width: Features D of a position of the encoder's grid.
        positions: Positions P of the encoder's grid.
        embedding_dim: Width of the words that the posterior reads.
        memory_dim: As for `GaussianLatents`.
        style_dim: Dimensions of S.
        content_dim: Dimensions of C.
        reduced_width: Features a position that the summary of the grid keeps.
        hidden_size: Width of the summary, of the content posterior's hidden layer and of what reads the caption.
        dropout: Share of the grid's features that is set to zero in training.
        pooling: As for `ConditionalLatents`.
        num_layers: Couplings of the flow.
        coupling_size: Width of the hidden layer of each.

    Raises:
        ValueError: The flow has no coupling: that is what `ConditionalLatents` is for.
    """

    style_prior: ConditionalFlow

    def __init__(
        self,
        *,
        width: int,
        positions: int,
        embedding_dim: int,
        memory_dim: int | None = None,
        style_dim: int = 16,
        content_dim: int = 64,
        reduced_width: int = 32,
        hidden_size: int = 256,
        dropout: float = 0.0,
        pooling: Pooling = "last",
        num_layers: int = 4,
        coupling_size: int = 64,
    ) -> None:
        super().__init__(
            width=width,
            positions=positions,
            embedding_dim=embedding_dim,
            memory_dim=memory_dim,
            style_dim=style_dim,
            content_dim=content_dim,
            reduced_width=reduced_width,
            hidden_size=hidden_size,
            dropout=dropout,
            pooling=pooling,
        )
        if num_layers < 1:
            raise ValueError(
                f"model.latents.num_layers must be at least 1, got {num_layers}; without a flow the prior is a "
                f"Gaussian, model/latents=conditional"
            )
        self.style_prior = ConditionalFlow(
            dim=style_dim, context_dim=hidden_size, hidden_size=coupling_size, num_layers=num_layers
        )

    def _prior(self, summary_BF: Tensor) -> FlowDistribution:
        return FlowDistribution(self.style_prior, summary_BF)
