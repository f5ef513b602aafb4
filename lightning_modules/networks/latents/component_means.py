"""The codes of the means of a mixture.

Shape legend: B images, K components of each image's mixture, X = B · K means, image by image, P positions, D features.
"""

import torch
from torch import Tensor

from lightning_modules.networks.latents.gaussian_mixture import GaussianMixture
from lightning_modules.networks.latents.latent_model import LatentModel
from lightning_modules.networks.latents.latents import Latents
from lightning_modules.networks.latents.sources import MEAN, Given


def latents_of_means(latents: LatentModel, features_BPD: Tensor, mixture: GaussianMixture) -> Latents:
    """Return the latents of each mean of each image's mixture of styles, C at its own mean: X of them."""
    num_images, num_components = mixture.log_weight_NK.shape
    images_B1 = torch.arange(num_images, device=features_BPD.device).unsqueeze(1)
    image_of_mean_X = images_B1.expand(-1, num_components).flatten()
    of_means: Latents = latents(features_BPD, image_of_mean_X, Given(mixture.mean_NKZ.flatten(0, 1)), MEAN)
    return of_means
