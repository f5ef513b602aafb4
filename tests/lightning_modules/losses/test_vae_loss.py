from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_modules.losses import LossTerm, LossTerms, VAELoss, WeightedTerm
from lightning_modules.networks.latents import CaptionWords, ConditionalLatents
from lightning_modules.schedules import Cyclical, LinearWarmup

TERMS = LossTerms(
    caption_N=torch.tensor([2.0, 6.0]),
    smoothed_N=torch.tensor([2.5, 6.5]),
    reconstruction_R=torch.tensor([10.0, 30.0]),
    kl_style_NZ=torch.tensor([[1.0, 0.0], [0.2, 0.4]]),  # by dimension 0.6, 0.2; mean of the sums 0.8
    kl_content_NZ=torch.tensor([[3.0, 0.1, 0.5], [1.0, 0.3, 0.1]]),  # 2, 0.2, 0.3; 2.5
)

PLAIN = {"reconstruction_weight": 0.05, "beta": 1.0, "gamma": 1.0, "kl_loss_weight": 1.0}


def _loss(**settings: Any) -> VAELoss:
    return VAELoss(**(PLAIN | settings))


def test_hand_values() -> None:
    loss = _loss(reconstruction_weight=0.5, beta=2.0, gamma=0.1, kl_loss_weight=3.0)
    report = loss(TERMS, step=0)
    assert report.nats == pytest.approx({"caption": 4.0, "reconstruction": 20.0, "kl_style": 0.8, "kl_content": 2.5})
    assert report.contributions == pytest.approx(
        {"caption": 4.5, "reconstruction": 10.0, "kl_style": 3 * 2 * 0.8, "kl_content": 3 * 0.1 * 2.5}
    )
    assert report.total.item() == pytest.approx(4.5 + 10.0 + 4.8 + 0.75)
    assert report.weights == {"reconstruction": 0.5, "beta": 2.0, "gamma": 0.1, "kl": 3.0}


def test_free_bits_change_the_contribution_but_not_the_nats() -> None:
    loss = _loss(beta=2.0, kl_loss_weight=0.5, style_free_bits=0.5, content_free_bits=0.25)
    report = loss(TERMS, step=0)
    assert report.nats["kl_style"].item() == pytest.approx(0.8)
    assert report.nats["kl_content"].item() == pytest.approx(2.5)
    assert report.contributions["kl_style"].item() == pytest.approx(0.5 * 2 * (0.6 + 0.5))
    assert report.contributions["kl_content"].item() == pytest.approx(0.5 * (2.0 + 0.25 + 0.3))


@pytest.mark.parametrize("num_components", [1, 3])
def test_as_many_nats_are_free_whatever_the_prior_is(num_components: int) -> None:
    latents = ConditionalLatents(
        width=2, positions=1, embedding_dim=3, style_dim=32, content_dim=2, num_components=num_components
    )
    with torch.no_grad():  # posterior and prior N(0, 1), so that nothing of the style is paid for
        for last in (latents.style_posterior, latents.style_prior):
            last.weight.zero_()
            last.bias.zero_()
    caption = CaptionWords(torch.randn(2, 4, 3), torch.ones(2, 4, dtype=torch.bool))
    codes = latents(torch.randn(2, 1, 2), torch.arange(2), caption=caption)
    assert codes.style.kl.abs().max() < 1e-5
    loss = _loss(style_free_bits=0.2)
    report = loss(TERMS._replace(kl_style_NZ=codes.style.kl), step=0)
    assert report.contributions["kl_style"].item() == pytest.approx(32 * 0.2)
    report = loss(TERMS._replace(kl_style_NZ=codes.style.kl + 0.3), step=0)
    assert report.contributions["kl_style"].item() == pytest.approx(32 * 0.3, rel=1e-4)


@pytest.mark.parametrize("free_bits", [0.0, 0.3])
def test_contributions_add_up_to_the_total(free_bits: float) -> None:
    loss = _loss(reconstruction_weight=0.7, beta=0.3, gamma=4.0, style_free_bits=free_bits, content_free_bits=free_bits)
    terms = LossTerms(*map(torch.rand_like, TERMS[:5]))
    report = loss(terms, step=0)
    torch.testing.assert_close(report.total, torch.stack([*report.contributions.values()]).sum())


@pytest.mark.parametrize("free_bits", [0.0, 0.3])
def test_a_batch_of_two_equal_samples_has_the_loss_of_one(free_bits: float) -> None:
    loss = _loss(style_free_bits=free_bits, content_free_bits=free_bits)
    one = LossTerms(*(term[:1] for term in TERMS[:5]))
    two = LossTerms(*(term.repeat(2, *[1] * (term.dim() - 1)) for term in one[:5]))
    of_one, of_two = loss(one, step=0), loss(two, step=0)
    torch.testing.assert_close(of_two.total, of_one.total)
    torch.testing.assert_close(of_two.nats, of_one.nats)


def test_weights_follow_their_schedules() -> None:
    loss = _loss(
        reconstruction_weight=LinearWarmup(start=1.0, end=0.0, steps=4),
        beta=LinearWarmup(start=0.0, end=1.0, steps=2),
        gamma=5.0,
        kl_loss_weight=Cyclical(start=0.0, end=1.0, steps=4, climb=0.5),
    )
    weights = {step: [*loss(TERMS, step).weights.values()] for step in (0, 1, 3, 4)}
    assert weights == {0: [1, 0, 5, 0], 1: [0.75, 0.5, 5, 0.5], 3: [0.25, 1, 5, 1], 4: [0, 1, 5, 0]}
    assert loss(TERMS, 1).total.item() == pytest.approx(4.5 + 0.75 * 20 + 0.5 * (0.5 * 0.8 + 5 * 2.5))


def test_without_image_decoder_there_is_no_reconstruction_term() -> None:
    report = _loss()(TERMS._replace(reconstruction_R=None), step=0)
    assert {*report.nats} == {*report.contributions} == {"caption", "kl_style", "kl_content"}
    assert report.total.item() == pytest.approx(4.5 + 0.8 + 2.5)


@pytest.mark.parametrize("field", ["style_free_bits", "content_free_bits"])
def test_refuses_negative_free_bits(field: str) -> None:
    with pytest.raises(ValueError, match=r"model.loss.style_free_bits and content_free_bits .* got .*-0.1"):
        _loss(**{field: -0.1})


@pytest.mark.parametrize("label_smoothing", [-0.1, 1.0])
def test_refuses_smoothing_that_leaves_no_label(label_smoothing: float) -> None:
    with pytest.raises(ValueError, match=f"label_smoothing must be at least 0 and below 1, got {label_smoothing}"):
        _loss(label_smoothing=label_smoothing)


class _Twice(LossTerm):
    def forward(self, output: Any) -> Tensor:
        return 2 * output


def test_a_further_term_enters_with_its_weight_and_a_schedule() -> None:
    ramp = LinearWarmup(start=0.0, end=1.0, steps=10)
    loss = _loss(
        terms={"twice": WeightedTerm(term=_Twice(), weight=0.5), "ramp": WeightedTerm(term=_Twice(), weight=ramp)}
    )
    extra = loss.extra_terms(torch.tensor([1.0, 2.0]))
    report, plain = loss(TERMS._replace(extra=extra), step=5), _loss()(TERMS, step=5)
    assert report.nats["twice"].item() == 3.0
    assert report.contributions["twice"].item() == 1.5
    assert report.contributions["ramp"].item() == 1.5
    torch.testing.assert_close(report.total, plain.total + 3.0)
    assert [*report.contributions][-2:] == ["twice", "ramp"]


def test_a_further_term_needs_a_name_of_its_own() -> None:
    with pytest.raises(ValueError, match=r"model.loss.terms: caption is a term of the VAE-loss; choose another name"):
        _loss(terms={"caption": WeightedTerm(term=_Twice(), weight=1.0)})


@pytest.mark.parametrize(("share", "num_images", "expected"), [(1.0, 7, 7), (0.5, 7, 4), (0.5, 8, 4), (0.01, 3, 1)])
def test_a_share_of_the_images_is_reconstructed(share: float, num_images: int, expected: int) -> None:
    assert _loss(reconstructed_share=share).num_reconstructed(num_images) == expected


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5])
def test_the_share_of_reconstructed_images_is_checked(share: float) -> None:
    with pytest.raises(ValueError, match=rf"model.loss.reconstructed_share must be above 0 and at most 1, got {share}"):
        _loss(reconstructed_share=share)
