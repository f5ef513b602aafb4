"""Styles to generate captions in: between two of them, and along one dimension.

Shape legend: B images, S style, K styles of an image, N = B · K styles, image by image.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from utils.require import require


def interpolate_styles(start_BS: Tensor, end_BS: Tensor, num: int) -> Tensor:
    """Return `num` styles on the straight line between two of each image, both ends included: `style_NS`.

    Raises:
        ValueError: There are fewer than two of them, or the ends differ in shape.
    """
    require(num >= 2, "num", "at least 2, the ends of the interpolation", num)
    if start_BS.shape != end_BS.shape:
        raise ValueError(f"expected as many styles at both ends, got {[*start_BS.shape]} and {[*end_BS.shape]}")
    share_K1 = torch.linspace(0, 1, num, device=start_BS.device).unsqueeze(1)
    return torch.lerp(start_BS.unsqueeze(1), end_BS.unsqueeze(1), share_K1).flatten(0, 1)


class Gaussian(Protocol):
    """What styles usually are, image by image; `lightning_modules.networks.latents.DiagonalGaussian` is such a thing.

    Attributes:
        mean: [B, S].
        log_variance: [B, S].
    """

    @property
    def mean(self) -> Tensor: ...
    @property
    def log_variance(self) -> Tensor: ...


def traverse_style(
    style_BS: Tensor, dimension: int, values: Sequence[float], *, prior: Gaussian | None = None
) -> Tensor:
    """Return each image's style with one dimension set to each of `values` in turn: `style_NS`.

    Values from −3 to 3 span what a style usually is.

    Args:
        style_BS: The images' own styles.
        dimension: Which, from 0.
        values: In standard deviations of the prior, from its mean.
        prior: The prior of each image (`sample_latents(…).style.prior.as_gaussian()`), which `latents=conditional`
            learns; None for N(0, 1), under which values are those of the dimension itself.

    Raises:
        ValueError: There is no such dimension, or no value.
    """
    style_dim = style_BS.shape[-1]
    require(0 <= dimension < style_dim, "dimension", f"from 0 to {style_dim - 1}, the last of the style's", dimension)
    if not values:
        raise ValueError("expected values for the dimension to take, got none")
    style_BKS = style_BS.unsqueeze(1).repeat(1, len(values), 1)
    value_K = style_BS.new_tensor(values)
    if prior is None:
        style_BKS[..., dimension] = value_K
    else:
        mean_B1, log_variance_B1 = (part[:, dimension, None] for part in (prior.mean, prior.log_variance))
        style_BKS[..., dimension] = mean_B1 + value_K * torch.exp(0.5 * log_variance_B1)
    return style_BKS.flatten(0, 1)
