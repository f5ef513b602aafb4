"""What latents promise, over every implementation."""

import inspect
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from lightning_modules.networks import latents
from lightning_modules.networks.latents import (
    MEAN,
    CaptionWords,
    CategoricalStyleLatents,
    ConditionalFlowLatents,
    ConditionalLatents,
    DiagonalGaussian,
    FromPosterior,
    FromPrior,
    GaussianLatents,
    Given,
    SpatialGaussianLatents,
)

BUILDERS: dict[str, partial[Any]] = {
    "categorical_style": partial(
        CategoricalStyleLatents, embedding_dim=7, style_dim=3, content_dim=5, hidden_size=16, num_codes=8
    ),
    "conditional": partial(ConditionalLatents, embedding_dim=7, style_dim=3, content_dim=5, hidden_size=16),
    "conditional_flow": partial(
        ConditionalFlowLatents, embedding_dim=7, style_dim=3, content_dim=5, hidden_size=16, coupling_size=8
    ),
    "gaussian": partial(GaussianLatents, style_dim=3, content_dim=5, hidden_size=16),
    "spatial": partial(SpatialGaussianLatents, style_dim=3, position_dim=2, hidden_size=16),
}
IMAGE_OF_CAPTION_N = torch.tensor([0, 0, 1, 2, 2, 2])


def _caption(module: Any, num: int = 6) -> CaptionWords | None:
    """Captions of two words and padding, for those that read them."""
    is_word_NL = torch.tensor([[True, True, False]]).expand(num, -1)
    return CaptionWords(torch.randn(num, 3, 7), is_word_NL) if module.reads_captions else None


@pytest.fixture(params=BUILDERS)
def module(request: pytest.FixtureRequest) -> Any:
    return BUILDERS[request.param](width=6, positions=4).eval()


def test_every_implementation_is_tested() -> None:
    exported = {getattr(latents, name) for name in latents.__all__}
    modules = {kind for kind in exported if inspect.isclass(kind) and issubclass(kind, nn.Module)}
    modules = {kind for kind in modules if not inspect.isabstract(kind)}
    assert {builder.func for builder in BUILDERS.values()} == modules


def test_gives_each_caption_both_codes(module: Any) -> None:
    codes = module(torch.randn(3, 4, 6), IMAGE_OF_CAPTION_N, caption=_caption(module))
    assert codes.style.sample.shape == codes.style.kl.shape == (6, module.style_dim)
    assert codes.content.sample.shape == codes.content.kl.shape == (6, module.content_dim)
    assert codes.memory_MPD.shape == (6, 4, module.memory_dim)
    assert all(code.kl.sum(dim=1).min() > 0 for code in (codes.style, codes.content))


def test_without_noise_a_caption_depends_on_its_own_image_alone(module: Any) -> None:
    features_BPD = torch.randn(3, 4, 6)
    together = module(features_BPD, IMAGE_OF_CAPTION_N, MEAN, MEAN)
    for row, image in enumerate(IMAGE_OF_CAPTION_N.tolist()):
        alone = module(features_BPD[image : image + 1], torch.tensor([0]), MEAN, MEAN)
        torch.testing.assert_close(together.style.sample[row], alone.style.sample[0])
        torch.testing.assert_close(together.content.sample[row], alone.content.sample[0])
        torch.testing.assert_close(together.memory_MPD[row], alone.memory_MPD[0])


def test_without_noise_codes_are_the_means(module: Any) -> None:
    codes = module(torch.randn(3, 4, 6), IMAGE_OF_CAPTION_N, MEAN, MEAN)
    for code in (codes.style, codes.content):
        assert torch.equal(code.sample, code.posterior.mean)


def test_style_comes_from_where_it_is_asked_to_and_content_follows(module: Any) -> None:
    features_BPD, style_NS = torch.randn(3, 4, 6), torch.randn(6, 3, dtype=torch.double)
    given = module(features_BPD, IMAGE_OF_CAPTION_N, Given(style_NS), MEAN)
    assert torch.equal(given.style.sample, style_NS.float())
    others = module(features_BPD, IMAGE_OF_CAPTION_N, Given(style_NS.roll(1, dims=0)), MEAN)
    assert not torch.isclose(others.content.sample, given.content.sample).all(dim=1).any()
    assert torch.equal(others.style.posterior.mean, given.style.posterior.mean)
    content_NC = torch.randn(6, module.content_dim)
    assert torch.equal(module(features_BPD, IMAGE_OF_CAPTION_N, MEAN, Given(content_NC)).content.sample, content_NC)


@pytest.mark.parametrize("scale", [0.0, 0.5, 2.0])
def test_draws_from_prior_and_posterior_have_their_scaled_deviations(module: Any, scale: float) -> None:
    many = torch.zeros(4000, dtype=torch.long)
    codes = module(torch.randn(1, 4, 6), many, FromPrior(scale), FromPosterior(scale))
    drawn = [(codes.content.sample, codes.content.posterior)]
    if isinstance(codes.style.prior, DiagonalGaussian):  # others have tests of their own
        drawn.append((codes.style.sample, codes.style.prior))
    for found_NZ, source in drawn:
        standard_NZ = (found_NZ - source.mean) / (0.5 * source.log_variance).exp()
        assert standard_NZ.mean(dim=0).abs().max() <= 5 * scale / 4000**0.5
        assert (standard_NZ.std(dim=0) - scale).abs().max() <= 5 * scale / 4000**0.5


def test_places_are_kept_once_where_all_captions_of_an_image_see_the_same() -> None:
    module, features_BPD = BUILDERS["gaussian"](width=6, positions=4), torch.randn(3, 4, 6)
    equally_many_N, grouped_otherwise_N = torch.tensor([0, 0, 1, 1, 2, 2]), torch.tensor([0, 1, 2, 0, 1, 2])
    assert torch.equal(module(features_BPD, equally_many_N).memory_MPD, features_BPD)
    assert torch.equal(module(features_BPD, grouped_otherwise_N).memory_MPD, features_BPD[grouped_otherwise_N])
    assert torch.equal(module(features_BPD, IMAGE_OF_CAPTION_N).memory_MPD, features_BPD[IMAGE_OF_CAPTION_N])


def test_with_noise_captions_of_one_image_differ(module: Any) -> None:
    codes = module(torch.randn(3, 4, 6), IMAGE_OF_CAPTION_N)
    for name in {"style", "content"} - {*module.discrete}:  # where there are few codes, two captions may have the same
        sample_NZ = getattr(codes, name).sample
        assert torch.cdist(sample_NZ, sample_NZ).fill_diagonal_(1).min() > 0


def test_style_follows_from_the_image_and_content_from_image_and_style(module: Any) -> None:
    codes = module(torch.randn(3, 4, 6), IMAGE_OF_CAPTION_N)
    style_mean_NS, content_mean_NC = codes.style.posterior.as_gaussian().mean, codes.content.posterior.mean
    torch.testing.assert_close(style_mean_NS[0], style_mean_NS[1])
    assert not torch.allclose(style_mean_NS[1], style_mean_NS[2])
    assert not torch.allclose(content_mean_NC[0], content_mean_NC[1])
    codes = module(torch.randn(3, 4, 6), IMAGE_OF_CAPTION_N, caption=_caption(module))
    codes.content.posterior.mean.sum().backward()
    assert module.style_posterior.weight.grad.abs().sum() > 0


def test_the_priors_are_standard_normal(module: Any) -> None:
    codes = module(torch.randn(3, 4, 6), IMAGE_OF_CAPTION_N)
    for code in (codes.content,) if module.reads_captions else (codes.style, codes.content):
        assert code.prior.mean.abs().max() == code.prior.log_variance.abs().max() == 0


def test_both_codes_know_where_things_are(module: Any) -> None:
    features_BPD = torch.randn(1, 4, 6)
    codes = module(features_BPD, torch.tensor([0]), MEAN, MEAN)
    mirrored = module(features_BPD.flip(1), torch.tensor([0]), MEAN, MEAN)
    assert not torch.allclose(codes.style.posterior.as_gaussian().mean, mirrored.style.posterior.as_gaussian().mean)
    assert not torch.allclose(codes.content.sample, mirrored.content.sample)


def test_spatial_content_at_a_place_comes_from_that_place_and_is_what_attention_sees() -> None:
    module = BUILDERS["spatial"](width=6, positions=4)
    features_BPD = torch.randn(1, 4, 6)
    nn.init.zeros_(module.style_features.weight)  # style sees the whole grid, and would pass it on
    before = module(features_BPD, torch.tensor([0]), MEAN, MEAN)
    features_BPD[0, 2] += 1
    after = module(features_BPD, torch.tensor([0]), MEAN, MEAN)
    assert ((after.memory_MPD - before.memory_MPD)[0].abs().sum(dim=1) > 0).tolist() == [False, False, True, False]
    assert torch.equal(after.memory_MPD.flatten(1), after.content.sample)
