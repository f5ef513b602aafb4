from typing import Any

import pytest
import torch

from lightning_modules.generation import Greedy, LatentSampling, Request, Sample
from lightning_modules.generation.sample import sample_words
from tests.lightning_modules.generation.table_stepper import (
    FIRST_WORD,
    SPECIAL,
    ViewStepper,
    random_stepper,
    start,
)
from utils.seeding import generators_of

WORDS = [5, 6, 7, 8, 9, 10, 11]  # what may be said first: no special token, not yet the end
DRAWS = 30_000


def _shares(**settings: Any) -> torch.Tensor:
    """How often each word begins a caption under logits 0, ½, 1, …, of 12 words."""
    stepper = ViewStepper((torch.arange(12.0) / 2).expand(DRAWS, 12))
    tokens_NL = Sample(max_length=1, **settings)(stepper, *start(DRAWS), SPECIAL).tokens_NL
    return torch.bincount(tokens_NL[:, 0], minlength=12) / DRAWS


@pytest.mark.parametrize(
    ("settings", "temperature", "kept"),
    [
        ({}, 1.0, WORDS),
        ({"temperature": 0.5}, 0.5, WORDS),
        ({"temperature": 3.0}, 3.0, WORDS),
        ({"top_k": 3}, 1.0, [9, 10, 11]),
        ({"filter_thres": 0.6}, 1.0, [8, 9, 10, 11]),  # ⌊0.4 · 12⌋ = 4, of the whole vocabulary
        ({"top_p": 0.7, "temperature": 2.0}, 2.0, [8, 9, 10, 11]),  # 0.27, 0.21, 0.16, 0.13, …: three reach 0.64
    ],
)
def test_words_are_drawn_by_their_probability(settings: dict[str, float], temperature: float, kept: list[int]) -> None:
    expected_V = torch.zeros(12)
    expected_V[kept] = (torch.tensor(kept) / 2 / temperature).softmax(dim=-1)
    standard_error_V = (expected_V * (1 - expected_V) / DRAWS).sqrt()
    assert ((_shares(**settings) - expected_V).abs() <= 5 * standard_error_V).all()


@pytest.mark.parametrize("num_left", [1, 5, 99, 100])
def test_words_that_are_left_are_drawn_by_their_probability(num_left: int) -> None:
    logits_V = torch.randn(100)
    logits_V[torch.randperm(100)[num_left:]] = -torch.inf
    words_N = sample_words(logits_V.expand(DRAWS, -1), torch.rand(DRAWS))
    shares_V, expected_V = torch.bincount(words_N, minlength=100) / DRAWS, logits_V.softmax(dim=0)
    assert ((shares_V - expected_V).abs() <= 5 * (expected_V * (1 - expected_V) / DRAWS).sqrt()).all()


@pytest.mark.parametrize("forbidden", [[0, 1], [4998, 4999], [0, 2, 4, 4999]])
def test_no_number_draws_a_word_of_no_probability(forbidden: list[int]) -> None:
    logits_V = 0.01 * torch.randn(5000)
    logits_V[forbidden] = -torch.inf
    uniform_N = torch.tensor([0.0, 1e-45, 2e-8, 0.5, 1 - 2**-24])  # the last is the largest below 1
    words_N = sample_words(logits_V.expand(5, -1), uniform_N)
    assert words_N[0] == logits_V.isfinite().nonzero()[0]
    assert logits_V[words_N].isfinite().all()


def test_an_image_draws_from_its_own_generator() -> None:
    stepper = ViewStepper(torch.zeros(6, 30))
    settings = stepper, *start(6), SPECIAL
    sample = Sample(num=3, max_length=8)
    generated_NL = sample.bind(Request(generators=generators_of([7, 8])))(*settings).tokens_NL
    again_NL = sample.bind(Request(generators=generators_of([8, 7])))(*settings).tokens_NL
    assert torch.equal(generated_NL, again_NL.roll(3, dims=0))
    assert not torch.equal(generated_NL[:3], generated_NL[3:])
    torch.manual_seed(1)
    one_NL = sample(*settings).tokens_NL
    torch.manual_seed(2)
    assert not torch.equal(sample(*settings).tokens_NL, one_NL)


def test_each_word_is_drawn_anew_in_each_caption() -> None:
    stepper = random_stepper(num_tables=1, eos=-9.0)
    captions = Sample(max_length=6)(stepper, *start(50, of=1), SPECIAL).tokens_NL.tolist()
    assert len({tuple(caption) for caption in captions}) > 40
    assert any(len({*caption}) > 3 for caption in captions)


def test_nearly_no_temperature_is_greedy() -> None:
    stepper = random_stepper(num_tables=20)
    settings = stepper, *start(20, of=20), SPECIAL
    generated, greedy = Sample(temperature=1e-4, max_length=9)(*settings), Greedy(max_length=9)(*settings)
    assert torch.equal(generated.tokens_NL, greedy.tokens_NL)


def test_a_penalty_keeps_words_from_being_generated_again() -> None:
    logits_V = torch.tensor([-9.0] * FIRST_WORD + [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    stepper = ViewStepper(logits_V.expand(3, -1))
    tokens_NL = Sample(top_k=1, repetition_penalty=10.0, max_length=7)(stepper, *start(3), SPECIAL).tokens_NL
    assert tokens_NL.tolist() == [[11, 10, 9, 8, 7, 6, 5]] * 3


def test_draws_codes_for_each_caption() -> None:
    assert Sample(num=3, latent_scale=0.5).latents == LatentSampling(num=3, style_scale=0.5, content_scale=0.5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num": 0}, "generation.num must be at least 1, got 0"),
        ({"temperature": 0.0}, r"generation.temperature must be above 0 \(.* generation=greedy\), got 0.0"),
        ({"top_k": 0}, "generation.top_k must be at least 1, got 0"),
        ({"top_p": 0.0}, "generation.top_p must be above 0 and at most 1, got 0.0"),
        ({"top_p": 1.1}, "generation.top_p must be above 0 and at most 1, got 1.1"),
        ({"typical_p": 0.0}, "generation.typical_p must be above 0 and at most 1, got 0.0"),
        ({"repetition_penalty": 0.9}, "generation.repetition_penalty must be at least 1, got 0.9"),
        ({"filter_thres": 1.0}, r"generation.filter_thres must be in \[0, 1\), got 1.0"),
        ({"filter_thres": -0.1}, r"generation.filter_thres must be in \[0, 1\), got -0.1"),
        ({"latent_scale": -1.0}, "generation.latent_scale must be 0 or more, got -1.0"),
    ],
)
def test_refuses_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sample(**settings)
