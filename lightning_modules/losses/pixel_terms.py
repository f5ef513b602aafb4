"""How far a grid decoder's outputs are from an image, as pure functions: summed over the numbers of each image.

Shape legend: B images, C channels, H rows, W columns, X numbers of a pixel.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from lightning_modules.losses.terms import reconstruction_nll
from lightning_modules.networks.grid_decoders.pixel_outputs import EDGE, SQUEEZE, unit_values

LEAST_LOG_SCALE = -5.0  # of ln b: flat colours would have it fall without end, and the density rise
GREY_LEVELS = 256


def gaussian_nll(outputs_BXHW: Tensor, images_BCHW: Tensor) -> Tensor:
    """Return −log p(I | codes) of each image in nats, for a normal distribution of unit density at its mean: [B].

    π Σ(x − x̂)², x in [0, 1] and x̂ = (output + 1) / 2 (see `reconstruction_nll`). DALLE-pytorch's mean squared error, of
    values from −1 to 1, is this divided by (3π/4) · height · width.

    Args:
        outputs_BXHW: Of the decoder, three for each pixel.
        images_BCHW: `uint8`.
    """
    return reconstruction_nll(unit_values(outputs_BXHW), images_BCHW / 255)


def huber(outputs_BXHW: Tensor, images_BCHW: Tensor) -> Tensor:
    """Return the sum of smooth absolute differences of each image, of values from −1 to 1: [B].

    Σ ½ d² where |d| < 1, else |d| − ½ (Girshick 2015, equation 3). It is the logarithm of no normalised density: a
    loss, and no nats of the image.

    Args:
        outputs_BXHW: Of the decoder, three for each pixel.
        images_BCHW: `uint8`.
    """
    scaled_BCHW = images_BCHW / 127.5 - 1
    return smooth_l1_loss(outputs_BXHW.float(), scaled_BCHW, reduction="none").flatten(1).sum(dim=1)


def logit_laplace_nll(outputs_BXHW: Tensor, images_BCHW: Tensor, noise_BCHW: Tensor | None = None) -> Tensor:
    """Return −log p(I | codes) of each image in nats, for a logit-Laplace distribution of each value: [B].

    Σ ln 2 + ln b + ln y(1 − y) + |logit y − μ| / b − ln 0.8 with y = 0.8 x + 0.1 (Ramesh et al. 2021, equation 3); the
    last term makes it the density of x in [0, 1] itself. An image's values are 256 grey levels, of which flat colours
    have one: x is uniform within its level in training, so that b cannot fall without end; ln b is at least −5.

    Args:
        outputs_BXHW: Of the decoder: μ of the three channels, then ln b.
        images_BCHW: `uint8`.
        noise_BCHW: Where in its grey level each value lies, in [0, 1); None for the middle.
    """
    noise_BCHW = torch.full_like(images_BCHW, 0.5, dtype=torch.float32) if noise_BCHW is None else noise_BCHW
    mean_BCHW, log_scale_BCHW = outputs_BXHW.float().chunk(2, dim=1)
    log_scale_BCHW = log_scale_BCHW.clamp(min=LEAST_LOG_SCALE)
    y_BCHW = SQUEEZE * (images_BCHW + noise_BCHW) / GREY_LEVELS + EDGE
    distance_BCHW = (y_BCHW.logit() - mean_BCHW).abs() * torch.exp(-log_scale_BCHW)
    nats_BCHW = log_scale_BCHW + (y_BCHW * (1 - y_BCHW)).log() + distance_BCHW + math.log(2 / SQUEEZE)
    return nats_BCHW.flatten(1).sum(dim=1)
