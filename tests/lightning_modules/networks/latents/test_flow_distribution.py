import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.func import jacrev, vmap

from lightning_modules.networks.latents import DiagonalGaussian, FlowDistribution, stratified
from lightning_modules.networks.latents.conditional_flow import ConditionalFlow
from tests.lightning_modules.networks.latents.test_conditional_flow import random_flow
from utils.seeding import generators_of


def _distribution(dim: int = 3, num: int = 5, num_layers: int = 4) -> FlowDistribution:
    return FlowDistribution(random_flow(dim, num_layers), torch.randn(num, 5))


def test_density_is_that_of_the_noise_over_the_volume() -> None:
    """By the Jacobian of the way from noise to code, which the density itself does not take."""
    distribution, noise_NZ = _distribution(), torch.randn(5, 3)
    code_NZ = distribution.flow(noise_NZ, distribution.context_NF)
    volume_NZZ = vmap(jacrev(distribution.flow))(noise_NZ, distribution.context_NF)
    expected_N = Normal(0.0, 1.0).log_prob(noise_NZ).sum(dim=1) - torch.linalg.slogdet(volume_NZZ).logabsdet
    torch.testing.assert_close(distribution.log_probability(code_NZ), expected_N, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("num_layers", [1, 2, 4])
def test_density_is_one_in_all(num_layers: int) -> None:
    distribution = _distribution(dim=2, num=1, num_layers=num_layers)
    reach_Z = 12 * distribution.as_gaussian().log_variance[0].mul(0.5).exp()
    steps = torch.linspace(-1, 1, 801)
    grid_NZ = distribution.as_gaussian().mean + reach_Z * torch.cartesian_prod(steps, steps)
    many = distribution.select(torch.zeros(len(grid_NZ), dtype=torch.long))
    with torch.no_grad():
        total = many.log_probability(grid_NZ).double().exp().sum() * (reach_Z * (steps[1] - steps[0])).prod()
    assert total.item() == pytest.approx(1, abs=2e-3)


def test_draws_follow_the_density() -> None:
    """The mean of 1 / p over draws within a box is its area, wherever the distribution reaches all of it."""
    distribution = _distribution(dim=2, num=1)
    many = distribution.select(torch.zeros(100_000, dtype=torch.long))
    with torch.no_grad():
        centre_Z, deviation_Z = distribution.mean[0], distribution.as_gaussian().log_variance[0].mul(0.5).exp()
        code_NZ = many.sample()
        inside_N = ((code_NZ - centre_Z).abs() < 0.2 * deviation_Z).all(dim=1)
        weight_N = inside_N / many.log_probability(code_NZ).double().exp()
    area = (0.4 * deviation_Z).prod()
    assert inside_N.sum() > 1000
    assert abs(weight_N.mean() - area) < 5 * weight_N.std() / 100_000**0.5


def test_the_scale_is_that_of_the_noise() -> None:
    distribution, generators = _distribution(), generators_of([7])
    noise_NZ = torch.randn(5, 3, generator=torch.Generator().manual_seed(7))
    expected_NZ = distribution.flow(0.3 * noise_NZ, distribution.context_NF)
    assert torch.equal(distribution.sample(0.3, generators), expected_NZ)
    assert torch.equal(distribution.sample(0.0), distribution.flow(torch.zeros(5, 3), distribution.context_NF))
    assert torch.equal(distribution.mean, distribution.sample(0.0))


def test_the_most_similar_gaussian_has_its_moments() -> None:
    one = _distribution(num=1)
    drawn_NZ = one.select(torch.zeros(40_000, dtype=torch.long)).sample()
    gaussian = one.as_gaussian()
    deviation_Z = drawn_NZ.std(dim=0)
    assert ((gaussian.mean[0] - drawn_NZ.mean(dim=0)).abs() < 0.1 * deviation_Z).all()
    torch.testing.assert_close(gaussian.log_variance[0].mul(0.5).exp(), deviation_Z, rtol=0.15, atol=0.0)


def _new(num: int) -> FlowDistribution:
    return FlowDistribution(
        ConditionalFlow(dim=3, context_dim=5, hidden_size=8, num_layers=2), torch.randn(1, 5).expand(num, -1)
    )


def test_a_new_flow_is_like_a_gaussian_exactly() -> None:
    new, code_NZ = _new(4), torch.randn(4, 3)
    mean_NZ, log_variance_NZ = new.flow.gaussian(new.context_NF).chunk(2, dim=1)
    torch.testing.assert_close(new.as_gaussian(), DiagonalGaussian(mean_NZ, log_variance_NZ), rtol=1e-4, atol=1e-5)
    expected_N = Normal(mean_NZ, (0.5 * log_variance_NZ).exp()).log_prob(code_NZ).sum(dim=1)
    torch.testing.assert_close(new.log_probability(code_NZ), expected_N)


def test_the_estimated_kl_has_the_kl_as_its_mean() -> None:
    prior = _new(40_000)
    posterior = DiagonalGaussian(*torch.randn(2, 1, 3).expand(-1, 40_000, -1))
    found_NZ = prior.kl_from(posterior, posterior.sample())
    assert torch.equal(found_NZ, found_NZ[:, :1].expand(-1, 3))
    of_first = (
        Normal(gaussian.mean[0], (0.5 * gaussian.log_variance[0]).exp())
        for gaussian in (posterior, prior.select(torch.tensor([0])).as_gaussian())
    )
    exact = kl_divergence(*of_first).sum()
    found_N = found_NZ.sum(dim=1)
    assert abs(found_N.mean() - exact) < 5 * found_N.std() / 200


def test_an_image_draws_from_its_own_generator() -> None:
    distribution = _distribution(num=1).select(torch.zeros(6, dtype=torch.long))
    drawn_NZ = distribution.sample(1.0, generators_of([3, 4]))
    torch.testing.assert_close(distribution.sample(1.0, generators_of([4, 3])), drawn_NZ.roll(3, dims=0))


def test_spread_samples_are_what_spread_noise_becomes() -> None:
    distribution = _distribution(num=1).select(torch.zeros(8, dtype=torch.long))
    code_NZ = distribution.sample(1.0, generators_of([3]), stratified(8))
    noise_NZ, _ = distribution.flow.inverse(code_NZ, distribution.context_NF)
    for stratum_N in (torch.special.ndtr(noise_NZ) * 8).long().T:
        assert sorted(stratum_N.tolist()) == [*range(8)]


def test_rows_are_selected_in_order() -> None:
    distribution, rows = _distribution(), torch.tensor([4, 0, 4])
    torch.testing.assert_close(distribution.select(rows).mean, distribution.mean[rows])
