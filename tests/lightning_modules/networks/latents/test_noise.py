import pytest
import torch
from torch import Tensor

from lightning_modules.networks.latents import DiagonalGaussian, GaussianMixture, stratified
from lightning_modules.networks.latents.noise import INDEPENDENT, sobol_normals, systematic_uniforms
from utils.seeding import generators_of

MANY = 4000  # images, or sets of samples


def _strata(normal_XZ: Tensor, num: int) -> Tensor:
    """Return into which of `num` intervals of equal probability each number falls."""
    return (torch.special.ndtr(normal_XZ.double()) * num).long()


@pytest.mark.parametrize("power", [0, 1, 3, 5])
def test_each_stratum_of_each_dimension_has_one_number(power: int) -> None:
    for seed in range(10):
        normal_XZ = sobol_normals((2**power, 16), generator=torch.Generator().manual_seed(seed))
        for stratum_X in _strata(normal_XZ, 2**power).T:
            assert sorted(stratum_X.tolist()) == [*range(2**power)]


@pytest.mark.parametrize("num", [3, 5, 6])
def test_the_first_numbers_of_many_are_spread_too(num: int) -> None:
    for seed in range(10):
        normal_XZ = sobol_normals((40, 4), generator=torch.Generator().manual_seed(seed))[:num]
        assert all(len({*stratum_X.tolist()}) == num for stratum_X in _strata(normal_XZ, 8).T)


def test_each_number_by_itself_is_normal() -> None:
    drawn_BXZ = torch.stack([sobol_normals((3, 2), generator=generator) for generator in generators_of(range(MANY))])
    assert drawn_BXZ.isfinite().all()
    for normal_B in drawn_BXZ.flatten(1).T:
        shares = _strata(normal_B, 10).bincount(minlength=10) / MANY
        assert (shares - 0.1).abs().max() <= 5 * (0.1 * 0.9 / MANY) ** 0.5
        assert abs(normal_B.mean()) <= 5 / MANY**0.5
        assert abs(normal_B.square().mean() - 1) <= 5 * (2 / MANY) ** 0.5


@pytest.mark.parametrize(("num", "strata"), [(5, 5), (12, 5), (4, 1)])
def test_a_grid_has_one_number_in_each_stratum_of_each_round(num: int, strata: int) -> None:
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        uniform_X = systematic_uniforms((num, 1), strata=strata, generator=generator, dtype=torch.double).squeeze(1)
        for round_X in (uniform_X * strata).long().split(strata):
            assert len({*round_X.tolist()}) == len(round_X)
            assert ((round_X >= 0) & (round_X < strata)).all()
        assert torch.allclose((uniform_X[:strata] * strata) % 1, (uniform_X[0] * strata) % 1, atol=1e-9)


def test_each_number_of_a_grid_by_itself_is_uniform() -> None:
    drawn_BX = torch.stack(
        [systematic_uniforms((3, 1), strata=3, generator=generator)[:, 0] for generator in generators_of(range(MANY))]
    )
    assert ((drawn_BX >= 0) & (drawn_BX < 1)).all()
    for uniform_B in drawn_BX.T:
        shares = (uniform_B * 10).long().bincount(minlength=10) / MANY
        assert (shares - 0.1).abs().max() <= 5 * (0.1 * 0.9 / MANY) ** 0.5


def test_components_appear_in_proportion_to_their_weights() -> None:
    """Of five samples a component of weight w gets ⌊5w⌋ or ⌈5w⌉; drawn alone, they often get all or nothing."""
    weight_K = torch.tensor([0.5, 0.3, 0.2])
    mean_K1 = torch.tensor([[-100.0], [0.0], [100.0]])
    mixture = GaussianMixture(weight_K.log(), mean_K1, torch.zeros(3, 1))
    rows = GaussianMixture(*(part.expand(5 * MANY, *part.shape) for part in mixture))

    def counts(**noise: object) -> Tensor:
        code_BX = rows.sample(1.0, generators_of(range(MANY)), **noise).view(MANY, 5)
        return torch.stack([((code_BX - mean).abs() < 50).sum(dim=1) for mean in mean_K1], dim=1)

    count_BK = counts(noise=stratified(5))
    assert ((count_BK >= (5 * weight_K - 1e-5).floor()) & (count_BK <= (5 * weight_K + 1e-5).ceil())).all()
    error_K = 5 * (weight_K * (1 - weight_K) / (5 * MANY)).sqrt()
    assert ((count_BK.sum(dim=0) / (5 * MANY) - weight_K).abs() <= error_K).all()
    assert (counts(noise=INDEPENDENT) == 5).any()


def test_each_sample_follows_its_distribution_and_their_mean_is_nearer_to_its() -> None:
    one = GaussianMixture.from_parameters(torch.randn(1, 3 * (1 + 2 * 4)), num_components=3)
    for distribution in (one, one.as_gaussian()):
        rows = distribution.select(torch.zeros(5 * MANY, dtype=torch.long))
        samples = [rows.sample(1.0, generators_of(range(MANY)), noise) for noise in (stratified(5), INDEPENDENT)]
        spread_BXZ, independent_BXZ = (sample_NZ.view(MANY, 5, 4) for sample_NZ in samples)
        gaussian = one.as_gaussian()
        variance_Z = gaussian.log_variance[0].exp()
        for code_BZ in spread_BXZ.unbind(1):
            assert ((code_BZ.mean(dim=0) - gaussian.mean[0]).abs() <= 5 * (variance_Z / MANY).sqrt()).all()
            torch.testing.assert_close(code_BZ.var(dim=0), variance_Z, rtol=0.2, atol=0.0)
        assert (spread_BXZ.mean(dim=1).var(dim=0) < 0.5 * independent_BXZ.mean(dim=1).var(dim=0)).all()


def test_an_image_draws_from_its_own_generator() -> None:
    gaussian = DiagonalGaussian(torch.zeros(6, 2), torch.zeros(6, 2))
    drawn_NZ = gaussian.sample(1.0, generators_of([3, 4]), stratified(3))
    assert torch.equal(gaussian.sample(1.0, generators_of([4, 3]), stratified(3)), drawn_NZ.roll(3, dims=0))
    assert not torch.equal(drawn_NZ[:3], drawn_NZ[3:])
