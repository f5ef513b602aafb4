"""Style with a prior of any shape: a normalising flow that knows the image.

Shape legend: B images, F summary width.
"""

from typing import Unpack

from torch import Tensor

from lightning_modules.networks.latents.conditional import ConditionalLatents, ConditionalOptions
from lightning_modules.networks.latents.conditional_flow import ConditionalFlow
from lightning_modules.networks.latents.flow_distribution import FlowDistribution


class ConditionalFlowLatents(ConditionalLatents):
    """q(S|I,w) and q(C|I,S) as in `ConditionalLatents`, and p(S|I) a flow of affine couplings (Dinh et al. 2017).

    The KL of the style is estimated from its sample, and has no parts by dimension.

    Args:
        style_dim: Dimensions of S.
        hidden_size: Width of the summary, of the content posterior's hidden layer and of what reads the caption.
        num_layers: Couplings of the flow.
        coupling_size: Width of the hidden layer of each.
        options: See `ConditionalLatents`.

    Raises:
        ValueError: The flow has no coupling: that is what `ConditionalLatents` is for.
    """

    style_prior: ConditionalFlow

    def __init__(
        self,
        *,
        style_dim: int = 16,
        hidden_size: int = 256,
        num_layers: int = 4,
        coupling_size: int = 64,
        **options: Unpack[ConditionalOptions],
    ) -> None:
        super().__init__(style_dim=style_dim, hidden_size=hidden_size, **options)
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
