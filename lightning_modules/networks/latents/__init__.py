"""Latents: q(S|I) and q(C|I,S), the style and content codes of an image.

Contract: `forward(grid_BPD, image_of_caption_N, noise_scale=1.0)` returns `Latents`, one pair of codes a caption;
`style_dim` and `content_dim` give their widths.
"""

from lightning_modules.networks.latents.diagonal_gaussian import DiagonalGaussian, gaussian_kl, standard_normal_like
from lightning_modules.networks.latents.gaussian import GaussianLatents, LatentCode, Latents

__all__ = ["DiagonalGaussian", "GaussianLatents", "LatentCode", "Latents", "gaussian_kl", "standard_normal_like"]
