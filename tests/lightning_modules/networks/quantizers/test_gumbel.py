"""Gumbel-softmax against its formula, and the KL of an image against that of PyTorch's distributions."""

import math

import pytest
import torch
from torch.distributions import Categorical, kl_divergence

from lightning_modules.networks.quantizers import GumbelQuantizer, uniform_kl
from lightning_modules.schedules import Cosine
from utils.seeding import generators_of


def test_the_kl_is_that_of_an_image_whatever_the_batch() -> None:
    logits_BPK = 3 * torch.randn(4, 5, 7)
    prior = Categorical(logits=torch.zeros(7))
    expected_B = kl_divergence(Categorical(logits=logits_BPK), prior).sum(dim=1)
    torch.testing.assert_close(uniform_kl(logits_BPK), expected_B)
    torch.testing.assert_close(uniform_kl(logits_BPK.repeat(2, 1, 1)), expected_B.repeat(2))
    assert uniform_kl(torch.full((2, 5, 7), 3.0)).tolist() == pytest.approx([0, 0], abs=1e-5)
    certain_BPK = torch.zeros(1, 5, 7).index_fill(2, torch.tensor([2]), 100.0)
    assert uniform_kl(certain_BPK).item() == pytest.approx(5 * math.log(7))


def _quantizer(**settings: object) -> GumbelQuantizer:
    return GumbelQuantizer(width=3, num_codes=6, code_dim=2, **{"temperature": 1.0, **settings})  # type: ignore[arg-type]


def test_the_cost_is_of_logits_without_noise_and_temperature() -> None:
    quantizer, grid_BPD = _quantizer(temperature=0.1).train(), torch.randn(2, 4, 3)
    assert torch.equal(quantizer(grid_BPD, 0).cost_B, uniform_kl(quantizer.projection(grid_BPD)))


def test_without_noise_the_mixture_is_a_softmax(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.Tensor, "exponential_", lambda tensor, **_: tensor.fill_(1.0))  # −ln 1 = 0
    quantizer, grid_BPD = _quantizer(temperature=Cosine(start=1.0, end=0.5, steps=10)).train(), torch.randn(2, 4, 3)
    for step, temperature in ((0, 1.0), (10, 0.5)):
        quantized = quantizer(grid_BPD, step)
        weights_BPK = (quantizer.projection(grid_BPD) / temperature).softmax(dim=-1)
        torch.testing.assert_close(quantized.vectors_BPE, weights_BPK @ quantizer.codebook.weight)
        assert quantized.logged["temperature"].item() == temperature


def test_sampled_codes_are_as_frequent_as_they_are_probable() -> None:
    """argmax(logits + g) is a draw from softmax(logits), the point of Gumbel noise; also from generators of images."""
    quantizer = _quantizer(straight_through=True).train()
    torch.nn.init.eye_(quantizer.codebook.weight.data)
    quantizer.codebook.weight.data[:, 1] = torch.arange(6.0)  # the second number names the code
    grid_BPD = torch.randn(1, 1, 3).expand(20, 1000, 3)
    probability_K = quantizer.projection(grid_BPD[0, 0]).softmax(dim=-1)
    relaxed_BPE = quantizer.relaxed(grid_BPD, 0, generators_of(range(20)))
    assert relaxed_BPE is not None
    for vectors_BPE in (quantizer(grid_BPD, 0).vectors_BPE, relaxed_BPE):
        drawn = vectors_BPE[..., 1].round().long().flatten()
        frequency_K = torch.bincount(drawn, minlength=6) / len(drawn)
        torch.testing.assert_close(frequency_K, probability_K, atol=0.015, rtol=0)


def test_noise_of_an_image_follows_from_its_generator_alone() -> None:
    quantizer, grid_BPD = _quantizer(), torch.randn(3, 4, 3)
    together = quantizer.relaxed(grid_BPD, 0, generators_of([5, 6, 7]))
    alone = quantizer.relaxed(grid_BPD[1:2], 0, generators_of([6]))
    assert together is not None
    assert alone is not None
    torch.testing.assert_close(alone, together[1:2])


def test_straight_through_reads_one_vector_with_the_gradient_of_the_mixture() -> None:
    hard, soft = _quantizer(straight_through=True).train(), _quantizer().train()
    soft.load_state_dict(hard.state_dict())
    grid_BPD, gradients = torch.randn(2, 4, 3), []
    for quantizer in (hard, soft):
        features = grid_BPD.clone().requires_grad_()
        torch.manual_seed(3)
        vectors_BPE = quantizer(features, 0).vectors_BPE
        vectors_BPE.sum().backward()
        gradients.append(features.grad)
        distances = torch.cdist(vectors_BPE.detach(), quantizer.codebook.weight.detach()).min(dim=-1).values
        assert (distances < 1e-5).all() == (quantizer is hard)
    torch.testing.assert_close(*gradients)


def test_refuses_numbers_that_mean_nothing() -> None:
    with pytest.raises(ValueError, match=r"model.quantizer.temperature must be positive, got 0.0 at step 9"):
        _quantizer(temperature=Cosine(start=1.0, end=0.0, steps=3)).train()(torch.randn(1, 2, 3), 9)
    with pytest.raises(ValueError, match=r"model.quantizer.num_codes must be at least 2, got 1"):
        GumbelQuantizer(width=3, temperature=1.0, num_codes=1)
