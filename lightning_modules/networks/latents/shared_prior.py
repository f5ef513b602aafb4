"""The parameters of a prior that knows nothing of the image.

Shape legend: B images, F width of the image's summary, K components, Z latent dimensions, X parameters.
"""

import torch
from torch import Tensor, nn


class SharedPrior(nn.Module):
    """Learned parameters of one distribution, the same for every image; it takes the place of a network.

    Args:
        style_dim: Dimensions Z of the code.
        num_components: Gaussians K of the distribution; several begin at random places, each with a variance of 1.
    """

    def __init__(self, *, style_dim: int, num_components: int) -> None:
        super().__init__()
        means = torch.randn(num_components * style_dim) if num_components > 1 else torch.zeros(style_dim)
        log_weights = torch.zeros(num_components if num_components > 1 else 0)
        self.prior_X = nn.Parameter(torch.cat([log_weights, means, torch.zeros_like(means)]))

    def forward(self, summary_BF: Tensor) -> Tensor:
        """Return the parameters once for each image: [B, X], as `GaussianMixture.from_parameters` reads them."""
        return self.prior_X.expand(summary_BF.shape[0], -1)
