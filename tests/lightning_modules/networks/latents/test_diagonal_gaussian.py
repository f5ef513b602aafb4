import pytest
import torch
from torch.distributions import Normal, kl_divergence

from lightning_modules.networks.latents import DiagonalGaussian, gaussian_kl, standard_normal_like


def _gaussian() -> DiagonalGaussian:
    return DiagonalGaussian(torch.randn(5, 4, dtype=torch.float64), torch.randn(5, 4, dtype=torch.float64))


def _as_normal(gaussian: DiagonalGaussian) -> Normal:
    return Normal(gaussian.mean, torch.exp(0.5 * gaussian.log_variance))


def test_kl_is_that_of_torch_distributions_in_this_direction() -> None:
    posterior, prior = _gaussian(), _gaussian()
    torch.testing.assert_close(gaussian_kl(posterior, prior), kl_divergence(_as_normal(posterior), _as_normal(prior)))
    reverse = kl_divergence(_as_normal(prior), _as_normal(posterior))
    assert not torch.isclose(gaussian_kl(posterior, prior), reverse, rtol=1e-6).any()


def test_kl_from_the_standard_normal_is_that_of_torch_distributions() -> None:
    posterior = _gaussian()
    expected = kl_divergence(_as_normal(posterior), Normal(torch.zeros(4), torch.ones(4)))
    torch.testing.assert_close(gaussian_kl(posterior, standard_normal_like(posterior)), expected)


def test_kl_of_a_distribution_from_itself_is_zero() -> None:
    gaussian = _gaussian()
    torch.testing.assert_close(gaussian_kl(gaussian, gaussian), torch.zeros(5, 4, dtype=torch.float64))


def test_parameters_are_means_then_log_variances_within_limits() -> None:
    gaussian = DiagonalGaussian.from_parameters(torch.tensor([[1.0, -2.0, 0.5, 100.0], [0.0, 50.0, -100.0, 3.0]]))
    assert gaussian.mean.tolist() == [[1.0, -2.0], [0.0, 50.0]]
    assert gaussian.log_variance.tolist() == [[0.5, 10.0], [-10.0, 3.0]]
    assert DiagonalGaussian.from_parameters(torch.zeros(1, 4, dtype=torch.bfloat16)).mean.dtype == torch.float32


@pytest.mark.parametrize("latent_scale", [1.0, 0.5, 0.0])
def test_samples_have_the_mean_and_the_scaled_deviation(latent_scale: float) -> None:
    mean, log_variance = torch.tensor([1.0, -3.0]), torch.tensor([0.0, 2.0])
    many = DiagonalGaussian(mean.expand(200_000, 2), log_variance.expand(200_000, 2)).sample(latent_scale)
    deviation = latent_scale * torch.exp(0.5 * log_variance)
    standard_error = 1 / 200_000**0.5
    assert ((many.mean(dim=0) - mean).abs() <= 5 * deviation * standard_error + 1e-4).all()
    assert ((many.std(dim=0) - deviation).abs() <= 5 * deviation * standard_error + 1e-4).all()


def test_gradients_reach_the_parameters_through_a_sample() -> None:
    mean, log_variance = torch.zeros(3, requires_grad=True), torch.zeros(3, requires_grad=True)
    sample = DiagonalGaussian(mean, log_variance).sample()
    sample.sum().backward()
    assert mean.grad is not None
    assert log_variance.grad is not None
    assert mean.grad.tolist() == [1.0] * 3
    torch.testing.assert_close(log_variance.grad, 0.5 * sample.detach())  # d/dv exp(v/2) ε = ½ ε at v = 0
