"""Latents: q(S|I) and q(C|I,S), the style and content codes of an image.

Contract: `forward(grid_BPD, image_of_caption_N, noise_scale=1.0)` returns `Latents`, the codes of each caption;
`style_dim` and `content_dim` give their widths, `places_width` that of the places that attention looks at.
"""

from lightning_modules.networks.latents.diagonal_gaussian import DiagonalGaussian, gaussian_kl, standard_normal_like
from lightning_modules.networks.latents.gaussian import GaussianLatents
from lightning_modules.networks.latents.latents import LatentCode, Latents
from lightning_modules.networks.latents.spatial import SpatialGaussianLatents

__all__ = [
    "DiagonalGaussian",
    "GaussianLatents",
    "LatentCode",
    "Latents",
    "SpatialGaussianLatents",
    "gaussian_kl",
    "standard_normal_like",
]
