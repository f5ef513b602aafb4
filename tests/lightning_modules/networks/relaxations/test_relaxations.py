"""The contract of relaxations, over every implementation, and what each promises beyond it."""

import pytest
import torch
from torch import nn

from lightning_modules.networks import relaxations
from lightning_modules.networks.relaxations import ExpectedWords, Relaxation, StraightThroughGumbel
from lightning_modules.schedules import LinearWarmup

IMPLEMENTATIONS = [getattr(relaxations, name) for name in relaxations.__all__ if name != "Relaxation"]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", IMPLEMENTATIONS)
class TestContract:
    def test_rows_are_distributions(self, kind: type[Relaxation], training: bool) -> None:
        weights_NLV = kind().train(training).relax(10 * torch.randn(4, 5, 7), step=3)
        assert weights_NLV.shape == (4, 5, 7)
        assert weights_NLV.min() >= -1e-6
        torch.testing.assert_close(weights_NLV.sum(dim=-1), torch.ones(4, 5))

    def test_gradients_reach_the_logits(self, kind: type[Relaxation], training: bool) -> None:
        logits_NLV = torch.randn(4, 5, 7, requires_grad=True)
        (kind().train(training).relax(logits_NLV, step=3) @ torch.randn(7, 2)).square().sum().backward()
        assert logits_NLV.grad is not None
        assert logits_NLV.grad.isfinite().all()
        assert (logits_NLV.grad.abs().sum(dim=-1) > 0).all()


def test_expected_words_are_the_distribution_itself() -> None:
    logits_NLV = torch.randn(2, 3, 7)
    torch.testing.assert_close(
        ExpectedWords().relax(logits_NLV, step=0), logits_NLV.exp() / logits_NLV.exp().sum(-1, True)
    )


def test_gumbel_takes_the_likeliest_word_in_evaluation() -> None:
    logits_NLV = torch.randn(2, 3, 7)
    weights_NLV = StraightThroughGumbel().eval().relax(logits_NLV, step=0)
    torch.testing.assert_close(weights_NLV, nn.functional.one_hot(logits_NLV.argmax(-1), 7).float())


@pytest.mark.parametrize("kind", IMPLEMENTATIONS)
def test_words_of_half_precision_are_as_exact_as_any(kind: type[Relaxation]) -> None:
    logits_NLV = torch.zeros(1500, 1, 400, dtype=torch.bfloat16)  # many draws of words that tie
    weights_NLV = kind().train()(logits_NLV, torch.zeros(1500, 1, dtype=torch.long), step=0)
    torch.testing.assert_close(weights_NLV.sum(dim=-1), torch.ones(1500, 1))
    if kind is StraightThroughGumbel:
        torch.manual_seed(0)
        exact_NLV = kind().train()(logits_NLV.float(), torch.zeros(1500, 1, dtype=torch.long), step=0)
        torch.manual_seed(0)
        assert torch.equal(kind().train()(logits_NLV, torch.zeros(1500, 1, dtype=torch.long), step=0), exact_NLV)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 5.0])
def test_gumbel_draws_one_word_by_its_probability_at_any_temperature(temperature: float) -> None:
    logits_V = torch.tensor([0.0, 1.0, 2.0, -1.0])
    weights_NLV = StraightThroughGumbel(temperature=temperature).relax(logits_V.expand(20_000, 1, 4), step=0)
    assert ((weights_NLV < 1e-5) | (weights_NLV > 1 - 1e-5)).all()
    share_V, probability_V = weights_NLV.mean(dim=(0, 1)), logits_V.softmax(dim=-1)
    standard_error_V = (probability_V * (1 - probability_V) / 20_000).sqrt()
    assert ((share_V - probability_V).abs() < 5 * standard_error_V).all()


def test_gumbel_has_the_gradient_of_its_softmax() -> None:
    logits_NLV, values_V = torch.randn(2, 3, 7, requires_grad=True), torch.randn(7)
    torch.manual_seed(1)
    (StraightThroughGumbel(temperature=0.7).relax(logits_NLV, step=0) @ values_V).sum().backward()
    torch.manual_seed(1)
    noise_NLV = -torch.log(torch.empty_like(logits_NLV).exponential_())
    again_NLV = logits_NLV.detach().requires_grad_()
    (((again_NLV + noise_NLV) / 0.7).softmax(dim=-1) @ values_V).sum().backward()
    assert logits_NLV.grad is not None
    assert again_NLV.grad is not None
    torch.testing.assert_close(logits_NLV.grad, again_NLV.grad)


def test_the_temperature_may_follow_a_schedule_and_stays_positive() -> None:
    relaxation = StraightThroughGumbel(temperature=LinearWarmup(start=1.0, end=0.0, steps=4))
    relaxation.relax(torch.zeros(1, 1, 3), step=3)
    with pytest.raises(ValueError, match=r"model.relaxation.temperature must be positive, got 0.0 at step 4"):
        relaxation.relax(torch.zeros(1, 1, 3), step=4)


@pytest.mark.parametrize("kind", IMPLEMENTATIONS)
def test_a_share_of_the_captions_is_read_as_written_in_training(kind: type[Relaxation]) -> None:
    logits_NLV = torch.randn(2000, 2, 7, requires_grad=True)
    targets_NL = torch.randint(7, (2000, 2))
    relaxation = kind(teacher_forcing_ratio=0.3)
    weights_NLV = relaxation(logits_NLV, targets_NL, step=0)
    weights_NLV.square().sum().backward()
    assert logits_NLV.grad is not None
    as_written_N = (logits_NLV.grad == 0).all(dim=2).all(dim=1)
    assert 0.25 < as_written_N.float().mean() < 0.35
    written_NLV = nn.functional.one_hot(targets_NL, 7).float()
    torch.testing.assert_close(weights_NLV[as_written_N], written_NLV[as_written_N])
    relaxation.eval()
    torch.testing.assert_close(relaxation(logits_NLV, targets_NL, step=0), relaxation.relax(logits_NLV, step=0))


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_teaches_nothing_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=rf"teacher_forcing_ratio must be at least 0 and below 1, got {share}"):
        ExpectedWords(teacher_forcing_ratio=share)
