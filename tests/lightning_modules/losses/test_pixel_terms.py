"""How far outputs are from an image, against closed forms and PyTorch's own distributions."""

import math

import pytest
import torch
from torch.distributions import (
    AffineTransform,
    Laplace,
    Normal,
    SigmoidTransform,
    TransformedDistribution,
)

from lightning_modules.losses.pixel_terms import LEAST_LOG_SCALE, gaussian_nll, huber, logit_laplace_nll

IMAGES_BCHW = torch.tensor([0, 51, 102, 128, 204, 255] * 4, dtype=torch.uint8).view(2, 3, 2, 2)


def test_gaussian_is_minus_the_log_density_of_a_normal_distribution_of_unit_density() -> None:
    outputs_BXHW = torch.randn(2, 3, 2, 2)
    normal = Normal(outputs_BXHW * 0.5 + 0.5, 1 / math.sqrt(2 * math.pi))
    expected_B = -normal.log_prob(IMAGES_BCHW / 255).sum(dim=(1, 2, 3))
    torch.testing.assert_close(gaussian_nll(outputs_BXHW, IMAGES_BCHW), expected_B)
    assert gaussian_nll(IMAGES_BCHW / 127.5 - 1, IMAGES_BCHW).tolist() == pytest.approx([0, 0], abs=1e-9)


def test_huber_is_quadratic_within_one_and_linear_beyond() -> None:
    scaled = IMAGES_BCHW / 127.5 - 1
    assert huber(scaled + 0.5, IMAGES_BCHW).tolist() == pytest.approx([12 * 0.125] * 2)
    assert huber(scaled - 3, IMAGES_BCHW).tolist() == pytest.approx([12 * 2.5] * 2)


@pytest.mark.parametrize("noise", [None, 0.0, 0.99])
def test_logit_laplace_is_minus_the_log_density_of_pytorchs_transformed_laplace(noise: float | None) -> None:
    mean_BCHW, log_scale_BCHW = torch.randn(2, 3, 2, 2), torch.randn(2, 3, 2, 2)
    outputs_BXHW = torch.cat([mean_BCHW, log_scale_BCHW], dim=1)
    noise_BCHW = None if noise is None else torch.full((2, 3, 2, 2), noise)
    squeezed = TransformedDistribution(Laplace(mean_BCHW, log_scale_BCHW.exp()), SigmoidTransform())
    density = TransformedDistribution(squeezed, AffineTransform(-0.1 / 0.8, 1 / 0.8))
    x_BCHW = (IMAGES_BCHW + (0.5 if noise is None else noise)) / 256
    expected_B = -density.log_prob(x_BCHW).sum(dim=(1, 2, 3))
    torch.testing.assert_close(logit_laplace_nll(outputs_BXHW, IMAGES_BCHW, noise_BCHW), expected_B)


def test_logit_laplace_integrates_to_one_over_the_grey_levels_and_their_noise() -> None:
    """Up to the tails beyond [0, 1], which the squeezing leaves: they are small where the mean is inside."""
    levels = torch.arange(256, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 1, 1)
    outputs = torch.tensor([0.2] * 3 + [-2.0] * 3).view(1, 6, 1, 1).expand(256, -1, -1, -1)
    density_B = torch.exp(-logit_laplace_nll(outputs, levels) / 3)
    assert density_B.mean().item() == pytest.approx(1, abs=1e-3)


def test_logit_laplace_of_a_flat_colour_has_a_floor() -> None:
    flat = torch.full((1, 3, 2, 2), 7, dtype=torch.uint8)
    mean = (0.8 * (flat + 0.5) / 256 + 0.1).logit()
    losses = []
    for log_scale in (-4.0, LEAST_LOG_SCALE, -50.0):
        outputs = torch.cat([mean, torch.full_like(mean, log_scale)], dim=1).requires_grad_()
        losses.append(logit_laplace_nll(outputs, flat).item())
    assert losses[0] > losses[1] == losses[2]
