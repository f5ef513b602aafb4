import pytest
import torch
from torch.distributions import Categorical, kl_divergence

from lightning_modules.networks.latents import CategoricalCode, Clustered, FromPosterior, Noise, stratified
from utils.seeding import generators_of

NUM = 40_000
GROUP_OF_Z = torch.tensor([0, 0, 0, 1, 1])


def _code(num: int = 6, temperature: float = 1.0) -> CategoricalCode:
    """Of two groups with four codes and three and two dimensions."""
    log_probability_NGK = torch.randn(num, 2, 4).log_softmax(dim=2)
    return CategoricalCode(log_probability_NGK, torch.randn(4, 5), GROUP_OF_Z, temperature)


def _vectors(code: CategoricalCode, choice_NG: torch.Tensor) -> torch.Tensor:
    """Return the vectors of codes, one by one."""
    return torch.stack(
        [torch.cat([code.codebook_KZ[first, :3], code.codebook_KZ[second, 3:]]) for first, second in choice_NG.tolist()]
    )


def _expected(weight_NGK: torch.Tensor, codebook_KZ: torch.Tensor) -> torch.Tensor:
    """Return the mean of the vectors of each group, one group after the other."""
    return torch.cat([weight_NGK[:, 0] @ codebook_KZ[:, :3], weight_NGK[:, 1] @ codebook_KZ[:, 3:]], dim=1)


def test_the_kl_is_that_of_categoricals_a_groups_in_equal_shares() -> None:
    posterior, prior = _code(), _code()
    reference_NG = kl_divergence(
        Categorical(logits=posterior.log_probability_NGK), Categorical(logits=prior.log_probability_NGK)
    )
    found_NZ = prior.kl_from(posterior, posterior.sample())
    torch.testing.assert_close(found_NZ.sum(dim=1), reference_NG.sum(dim=1))
    torch.testing.assert_close(
        found_NZ, torch.cat([reference_NG[:, :1].expand(-1, 3) / 3, reference_NG[:, 1:].expand(-1, 2) / 2], 1)
    )
    assert found_NZ.min() > 0
    assert prior.kl_from(prior, prior.mean).abs().max() == 0


def test_the_mean_is_the_likeliest_code() -> None:
    code = _code()
    assert torch.equal(code.mean, _vectors(code, code.log_probability_NGK.argmax(dim=2)))
    assert torch.equal(code.sample(0.0), code.mean)
    assert torch.equal(code.sample(0.0, noise=Noise(num_distinct=3)), code.mean)


@pytest.mark.parametrize("latent_scale", [1.0, 0.5, 2.0])
@pytest.mark.parametrize("num_distinct", [1, 2])
def test_codes_are_as_frequent_as_their_probabilities(latent_scale: float, num_distinct: int) -> None:
    one = _code(1)
    many = one.select(torch.zeros(num_distinct * NUM, dtype=torch.long))
    choice_NG = many.choices_of(many.sample(latent_scale, noise=Noise(num_distinct=num_distinct)))[::num_distinct]
    p_GK = (one.log_probability_NGK[0] / latent_scale).softmax(dim=1)
    for group in range(2):
        found_K = torch.bincount(choice_NG[:, group], minlength=4) / NUM
        assert ((found_K - p_GK[group]).abs() < 5 * (p_GK[group] * (1 - p_GK[group]) / NUM).sqrt() + 1e-6).all()


def test_distinct_codes_of_an_image_differ_and_belong_to_its_distribution() -> None:
    code = _code(2).select(torch.tensor([0] * 16 + [1] * 16))
    choice_NG = code.choices_of(code.sample(noise=Noise(num_distinct=16)))
    for of_image in (choice_NG[:16], choice_NG[16:]):
        assert len(of_image.unique(dim=0)) == 16
    sure = torch.full((2, 2, 4), -50.0)
    sure[0, :, 1] = sure[1, :, 2] = 0.0
    code = code._replace(log_probability_NGK=sure.repeat_interleave(3, dim=0))
    assert code.choices_of(code.sample(noise=Noise(num_distinct=3)))[::3].tolist() == [[1, 1], [2, 2]]


def test_a_sample_is_made_of_the_codebooks_vectors_with_and_without_gradients() -> None:
    code = _code()
    with torch.no_grad():
        sample_NZ = code.sample()
    assert torch.equal(sample_NZ, _vectors(code, code.choices_of(sample_NZ)))
    torch.manual_seed(3)
    logits_NGK = torch.randn(6, 2, 4, requires_grad=True)
    code = code._replace(log_probability_NGK=logits_NGK.log_softmax(dim=2))
    sample_NZ = code.sample()
    assert torch.equal(sample_NZ, _vectors(code, code.choices_of(sample_NZ)))


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_gradients_are_those_of_the_relaxation(temperature: float) -> None:
    logits_NGK, weight_NZ = torch.randn(6, 2, 4, requires_grad=True), torch.randn(6, 5)
    code = _code(temperature=temperature)._replace(log_probability_NGK=logits_NGK.log_softmax(dim=2))
    code.codebook_KZ.requires_grad_()
    torch.manual_seed(5)
    sample_NZ = code.sample()
    (sample_NZ * weight_NZ).sum().backward()
    torch.manual_seed(5)
    noise_NGK = -torch.log(-torch.log(torch.rand(6, 2, 4)))
    relaxed_NGK = torch.nn.functional.softmax((logits_NGK + noise_NGK) / temperature, dim=2)
    expected_NZ = torch.cat(
        [relaxed_NGK[:, 0] @ code.codebook_KZ[:, :3], relaxed_NGK[:, 1] @ code.codebook_KZ[:, 3:]], 1
    )
    (expected,) = torch.autograd.grad((expected_NZ * weight_NZ).sum(), logits_NGK)
    assert logits_NGK.grad is not None
    torch.testing.assert_close(logits_NGK.grad, expected, rtol=1e-4, atol=1e-5)
    chosen_KZ = torch.zeros(4, 5)
    for row, (first, second) in enumerate(code.choices_of(sample_NZ).tolist()):
        chosen_KZ[first, :3] += weight_NZ[row, :3]
        chosen_KZ[second, 3:] += weight_NZ[row, 3:]
    assert code.codebook_KZ.grad is not None
    torch.testing.assert_close(code.codebook_KZ.grad, chosen_KZ)


def test_the_most_similar_gaussian_has_its_moments() -> None:
    code = _code()
    p_NGK = code.log_probability_NGK.exp()
    mean_NZ, square_NZ = _expected(p_NGK, code.codebook_KZ), _expected(p_NGK, code.codebook_KZ.square())
    gaussian = code.as_gaussian()
    torch.testing.assert_close(gaussian.mean, mean_NZ)
    torch.testing.assert_close(gaussian.log_variance.exp(), square_NZ - mean_NZ.square(), rtol=1e-4, atol=1e-5)


def test_an_image_draws_from_its_own_generator() -> None:
    code = _code(1).select(torch.zeros(6, dtype=torch.long))
    for noise in (Noise(), Noise(num_distinct=3), stratified(3)):
        drawn_NZ = code.sample(1.0, generators_of([3, 4]), noise)
        assert torch.equal(code.sample(1.0, generators_of([4, 3]), noise), drawn_NZ.roll(3, dims=0))


@pytest.mark.parametrize("latent_scale", [1.0, 0.5])
def test_spread_codes_of_a_group_appear_in_proportion_to_their_probabilities(latent_scale: float) -> None:
    """Of five samples a code of probability p gets ⌊5p⌋ or ⌈5p⌉, and the groups stay independent of each other."""
    images = 4000
    one = _code(1)
    many = one.select(torch.zeros(5 * images, dtype=torch.long))
    choice_BMG = many.choices_of(many.sample(latent_scale, generators_of(range(images)), stratified(5))).view(-1, 5, 2)
    p_GK = (one.log_probability_NGK[0] / latent_scale).softmax(dim=1)
    for choice_BM, p_K in zip(choice_BMG.unbind(2), p_GK, strict=True):
        count_BK = (choice_BM.unsqueeze(2) == torch.arange(4)).sum(dim=1)
        assert ((count_BK >= (5 * p_K - 1e-5).floor()) & (count_BK <= (5 * p_K + 1e-5).ceil())).all()
    for choice_BG in choice_BMG.unbind(1):
        found_KK = torch.bincount(4 * choice_BG[:, 0] + choice_BG[:, 1], minlength=16).view(4, 4) / images
        p_KK = p_GK[0].unsqueeze(1) * p_GK[1]
        assert ((found_KK - p_KK).abs() <= 5 * (p_KK * (1 - p_KK) / images).sqrt() + 1e-6).all()


def test_the_middles_of_clusters_are_vectors_of_the_codebook_that_differ() -> None:
    with torch.no_grad():
        code = _code(2)._replace(log_probability_NGK=torch.full((2, 2, 4), 0.25).log())
        of_images = code.select(torch.tensor([0] * 5 + [1] * 5))
        source = Clustered(FromPosterior(1.0, generators_of([1, 2])), generators_of([3, 4]))
        found_NZ = source(of_images, of_images)
    assert torch.equal(found_NZ, _vectors(code, code.choices_of(found_NZ)))
    assert [len(of_image.unique(dim=0)) for of_image in found_NZ.split(5)] == [5, 5]
