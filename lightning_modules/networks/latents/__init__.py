"""Latents: q(S|I) and q(C|I,S), the style and content codes of an image.

Contract: `forward(features_BPD, image_of_caption_N, style_from=POSTERIOR, content_from=POSTERIOR, caption=None)`
returns `Latents`, the codes of each caption, each from its `Source`, C given S. `style_dim` and `content_dim` are their
widths, `memory_dim` is that of the memory that attention reads, and `reads_captions` says whether a posterior reads
`caption`.
"""

from lightning_modules.networks.latents.conditional import ConditionalLatents
from lightning_modules.networks.latents.diagonal_gaussian import DiagonalGaussian, gaussian_kl, standard_normal_like
from lightning_modules.networks.latents.gaussian import GaussianLatents
from lightning_modules.networks.latents.gaussian_mixture import GaussianMixture
from lightning_modules.networks.latents.latents import CaptionWords, LatentCode, Latents
from lightning_modules.networks.latents.sources import MEAN, POSTERIOR, FromPosterior, FromPrior, Given, Source
from lightning_modules.networks.latents.spatial import SpatialGaussianLatents

__all__ = [
    "MEAN",
    "POSTERIOR",
    "CaptionWords",
    "ConditionalLatents",
    "DiagonalGaussian",
    "FromPosterior",
    "FromPrior",
    "GaussianLatents",
    "GaussianMixture",
    "Given",
    "LatentCode",
    "Latents",
    "Source",
    "SpatialGaussianLatents",
    "gaussian_kl",
    "standard_normal_like",
]
