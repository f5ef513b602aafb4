"""Latents: q(S|I) and q(C|I,S), the style and content codes of an image.

Contract: `LatentModel`.
"""

from lightning_modules.networks.latents.categorical_code import CategoricalCode
from lightning_modules.networks.latents.categorical_style import CategoricalStyleLatents
from lightning_modules.networks.latents.component_means import latents_of_means
from lightning_modules.networks.latents.conditional import ConditionalLatents
from lightning_modules.networks.latents.conditional_flow_latents import ConditionalFlowLatents
from lightning_modules.networks.latents.diagonal_gaussian import DiagonalGaussian, gaussian_kl, standard_normal_like
from lightning_modules.networks.latents.distribution import Distribution
from lightning_modules.networks.latents.flow_distribution import FlowDistribution
from lightning_modules.networks.latents.gaussian import GaussianLatents
from lightning_modules.networks.latents.gaussian_mixture import GaussianMixture
from lightning_modules.networks.latents.latent_model import LatentModel
from lightning_modules.networks.latents.latents import CaptionWords, LatentCode, Latents
from lightning_modules.networks.latents.noise import INDEPENDENT, Noise, stratified
from lightning_modules.networks.latents.sources import (
    MEAN,
    POSTERIOR,
    Clustered,
    FromPosterior,
    FromPrior,
    Given,
    SideBySide,
    Source,
)
from lightning_modules.networks.latents.spatial import SpatialGaussianLatents

__all__ = [
    "INDEPENDENT",
    "MEAN",
    "POSTERIOR",
    "CaptionWords",
    "CategoricalCode",
    "CategoricalStyleLatents",
    "Clustered",
    "ConditionalFlowLatents",
    "ConditionalLatents",
    "DiagonalGaussian",
    "Distribution",
    "FlowDistribution",
    "FromPosterior",
    "FromPrior",
    "GaussianLatents",
    "GaussianMixture",
    "Given",
    "LatentCode",
    "LatentModel",
    "Latents",
    "Noise",
    "SideBySide",
    "Source",
    "SpatialGaussianLatents",
    "gaussian_kl",
    "latents_of_means",
    "standard_normal_like",
    "stratified",
]
