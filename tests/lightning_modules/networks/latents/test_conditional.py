import pytest
import torch
from torch import Tensor

from lightning_modules.networks.latents import (
    MEAN,
    CaptionWords,
    ConditionalLatents,
    DiagonalGaussian,
    FromPosterior,
    FromPrior,
    GaussianMixture,
    gaussian_kl,
)
from lightning_modules.networks.latents.conditional import POOLINGS, Pooling

GRID_BPD = torch.randn(2, 4, 6)
ROWS_N = torch.tensor([0, 0, 1])


def _module(num_components: int = 1, *, prior_sees_image: bool = True, pooling: Pooling = "last") -> ConditionalLatents:
    return ConditionalLatents(
        width=6,
        positions=4,
        embedding_dim=7,
        style_dim=3,
        content_dim=5,
        hidden_size=16,
        num_components=num_components,
        prior_sees_image=prior_sees_image,
        pooling=pooling,
    )


def _caption(words_NLE: Tensor, lengths: list[int]) -> CaptionWords:
    is_word_NL = torch.arange(words_NLE.shape[1]) < torch.tensor(lengths).unsqueeze(1)
    return CaptionWords(words_NLE, is_word_NL)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_posterior_reads_the_caption_but_not_its_padding(pooling: Pooling) -> None:
    module, words_NLE = _module(pooling=pooling), torch.randn(3, 5, 7)
    codes = module(GRID_BPD, ROWS_N, MEAN, MEAN, _caption(words_NLE, [5, 2, 3]))
    assert not torch.allclose(codes.style.sample[0], codes.style.sample[1])  # one image, two captions
    words_NLE = words_NLE.clone()
    words_NLE[1, 2:] = 9.0
    again = module(GRID_BPD, ROWS_N, MEAN, MEAN, _caption(words_NLE, [5, 2, 3]))
    torch.testing.assert_close(again.style.sample, codes.style.sample)
    words_NLE[1, 1] = 9.0
    other = module(GRID_BPD, ROWS_N, MEAN, MEAN, _caption(words_NLE, [5, 2, 3]))
    assert not torch.allclose(other.style.sample[1], codes.style.sample[1])


def test_the_kl_is_that_from_the_prior_of_the_image() -> None:
    module = _module()
    codes = module(GRID_BPD, ROWS_N, caption=_caption(torch.randn(3, 5, 7), [5, 2, 3]))
    torch.testing.assert_close(codes.style.kl, gaussian_kl(codes.style.posterior, codes.style.prior))
    torch.testing.assert_close(codes.style.prior.mean[0], codes.style.prior.mean[1])
    assert not torch.allclose(codes.style.prior.mean[1], codes.style.prior.mean[2])
    codes.style.kl.sum().backward()
    assert module.style_prior.weight.grad is not None
    assert module.style_prior.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("num_components", [1, 3])
def test_without_a_caption_style_comes_from_the_prior(num_components: int) -> None:
    module = _module(num_components)
    codes = module(GRID_BPD, ROWS_N, MEAN, MEAN)
    torch.testing.assert_close(codes.style.sample, codes.style.prior.mean)
    assert codes.style.kl.abs().max() == 0
    torch.manual_seed(4)
    asked = module(GRID_BPD, ROWS_N, FromPosterior(0.7), MEAN)
    torch.manual_seed(4)
    prior = module(GRID_BPD, ROWS_N, FromPrior(0.7), MEAN)
    assert torch.equal(asked.style.sample, prior.style.sample)
    assert not torch.allclose(asked.style.sample, codes.style.sample)


def test_a_mixture_is_told_by_its_parameters() -> None:
    module = _module(num_components=3)
    codes = module(GRID_BPD, ROWS_N, caption=_caption(torch.randn(3, 5, 7), [5, 2, 3]))
    assert isinstance(codes.style.prior, GaussianMixture)
    assert codes.style.prior.mean_NKZ.shape == (3, 3, 3)
    assert codes.style.kl.shape == codes.style.sample.shape
    codes.style.kl.sum().backward()
    assert module.style_prior.weight.grad is not None
    assert (module.style_prior.weight.grad.abs().sum(dim=1) > 0).all()


def test_refuses_a_mixture_of_nothing() -> None:
    with pytest.raises(ValueError, match="num_components must be at least 1, got 0"):
        _module(0)


def test_refuses_an_unknown_pooling() -> None:
    with pytest.raises(ValueError, match="pooling must be one of last, mean, max, got 'sum'"):
        _module(pooling="sum")  # type: ignore[arg-type]


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_pooled_states_are_those_of_the_reader(pooling: Pooling) -> None:
    module, words_NLE = _module(pooling=pooling), torch.randn(2, 4, 7)
    read_NF = module._read(_caption(words_NLE, [4, 2]))
    for row, length in enumerate([4, 2]):
        states_LF = module.caption(words_NLE[row : row + 1, :length])[0][0]
        expected_F = states_LF.mean(dim=0) if pooling == "mean" else states_LF.amax(dim=0)
        torch.testing.assert_close(read_NF[row], expected_F)


@pytest.mark.parametrize("num_components", [1, 3])
def test_a_prior_that_does_not_see_the_image_is_the_same_for_all_and_learned(num_components: int) -> None:
    module = _module(num_components, prior_sees_image=False)
    codes = module(GRID_BPD, ROWS_N, caption=_caption(torch.randn(3, 5, 7), [5, 2, 3]))
    for part in codes.style.prior:
        assert torch.equal(part, part[:1].expand_as(part))
    assert isinstance(codes.style.prior, GaussianMixture if num_components > 1 else DiagonalGaussian)
    codes.style.kl.sum().backward()
    (prior_X,) = module.style_prior.parameters()
    assert prior_X.grad is not None
    assert (prior_X.grad != 0).all()
