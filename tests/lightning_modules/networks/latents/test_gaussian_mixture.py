import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal, kl_divergence

from lightning_modules.networks.latents import DiagonalGaussian, GaussianMixture
from utils.seeding import generators_of


def _mixture(num: int = 5) -> GaussianMixture:
    return GaussianMixture.from_parameters(torch.randn(num, 3 * (1 + 2 * 4)), num_components=3)


def _reference(mixture: GaussianMixture) -> MixtureSameFamily:
    parts = Normal(mixture.mean_NKZ, (0.5 * mixture.log_variance_NKZ).exp())
    return MixtureSameFamily(Categorical(logits=mixture.log_weight_NK), Independent(parts, 1))


def test_parameters_are_weights_then_means_then_variances() -> None:
    parameters = torch.randn(2, 3 * 9)
    mixture = GaussianMixture.from_parameters(parameters, num_components=3)
    torch.testing.assert_close(mixture.log_weight_NK.exp(), parameters[:, :3].softmax(dim=1))
    assert torch.equal(mixture.mean_NKZ, parameters[:, 3:15].view(2, 3, 4))
    assert torch.equal(mixture.log_variance_NKZ, parameters[:, 15:].view(2, 3, 4))


def test_density_is_that_of_torch() -> None:
    mixture, code_NZ = _mixture(), torch.randn(5, 4)
    torch.testing.assert_close(mixture.log_probability(code_NZ), _reference(mixture).log_prob(code_NZ))


def test_draws_have_the_moments_of_the_mixture() -> None:
    one = _mixture(1)
    many = one.select(torch.zeros(40_000, dtype=torch.long))
    drawn_NZ, reference = many.sample(), _reference(one)
    error_Z = 5 * reference.variance[0].sqrt() / 200
    assert ((drawn_NZ.mean(dim=0) - reference.mean[0]).abs() < error_Z).all()
    torch.testing.assert_close(drawn_NZ.var(dim=0), reference.variance[0], rtol=0.08, atol=0.0)


def test_no_noise_is_the_mean_of_the_likeliest_component() -> None:
    mixture = _mixture()
    expected_NZ = torch.stack([mixture.mean_NKZ[n, mixture.log_weight_NK[n].argmax()] for n in range(5)])
    assert torch.equal(mixture.sample(0.0), expected_NZ)


def test_the_estimated_kl_has_the_kl_as_its_mean() -> None:
    posterior = DiagonalGaussian(torch.randn(1, 4), torch.randn(1, 4))
    prior = DiagonalGaussian(torch.randn(1, 4), torch.randn(1, 4))
    same_twice = GaussianMixture(
        torch.tensor([[0.3, 0.7]]).log(), prior.mean.expand(1, 2, 4), prior.log_variance.expand(1, 2, 4)
    )
    rows = torch.zeros(40_000, dtype=torch.long)
    sample_NZ = posterior.select(rows).sample()
    found_NZ = same_twice.select(rows).kl_from(posterior.select(rows), sample_NZ)
    assert torch.equal(found_NZ, found_NZ[:, :1].expand(-1, 4))
    found_N = found_NZ.sum(dim=1)
    exact = kl_divergence(
        Normal(posterior.mean, (0.5 * posterior.log_variance).exp()),
        Normal(prior.mean, (0.5 * prior.log_variance).exp()),
    ).sum()
    assert abs(found_N.mean() - exact) < 5 * found_N.std() / 200


def test_the_most_similar_gaussian_has_its_moments() -> None:
    mixture = _mixture()
    gaussian = mixture.as_gaussian()
    torch.testing.assert_close(gaussian.mean, _reference(mixture).mean)
    torch.testing.assert_close(gaussian.log_variance.exp(), _reference(mixture).variance)
    assert gaussian.as_gaussian() is gaussian


def test_an_image_draws_from_its_own_generator() -> None:
    mixture = _mixture(1).select(torch.zeros(6, dtype=torch.long))
    drawn_NZ = mixture.sample(1.0, generators_of([3, 4]))
    assert torch.equal(mixture.sample(1.0, generators_of([4, 3])), drawn_NZ.roll(3, dims=0))
