from typing import Any

import pytest
import torch

from lightning_modules.build import build
from lightning_modules.generation import Beam, Generated, Greedy, Latent, LatentSampling, Request, Sample
from lightning_modules.generation.selection import first_different, length_normalised, most_different
from tests.lightning_modules.generation.table_stepper import PAD, SPECIAL, ViewStepper, random_stepper, start
from utils.seeding import generators_of


def test_draws_style_alone_from_the_posterior_unless_told_otherwise() -> None:
    assert Latent(num=7).latents == LatentSampling(num=7, style_scale=1.0, content_scale=0.0, from_prior=False)
    varied = Latent(num=2, source="prior", latent_scale=0.7, vary_content=True)
    assert varied.latents == LatentSampling(num=2, style_scale=0.7, content_scale=0.7, from_prior=True)
    assert Latent(num=7).num == 7
    assert Latent(num=2, distinct=True).latents == LatentSampling(num=2, style_scale=1.0, distinct=True)


def test_the_settings_of_older_checkpoints_mean_what_they_meant() -> None:
    """Those have no other keys: one caption of each of `num` independent samples, and no word is sampled."""
    older = {"num": 3, "source": "prior", "latent_scale": 0.5, "vary_content": False, "beam_size": 1}
    settings = {"_target_": "lightning_modules.generation.Latent", "length_penalty": 0.6, "max_length": 9, **older}
    latent = build(settings)
    assert latent.latents == LatentSampling(num=3, style_scale=0.5, content_scale=0.0, from_prior=True)
    assert isinstance(latent.search, Greedy)
    assert latent.select(_generated(9), SPECIAL, 3) is None


def test_draws_more_than_are_kept_and_spreads_as_many_as_are_kept() -> None:
    assert (Latent(num=3, max_draws=40).num, Latent(num=3, max_draws=40).latents.num) == (3, 40)
    spread = Latent(num=3, max_draws=40, spread="stratified").latents
    assert (spread.num, spread.strata, spread.clustered) == (40, 3, False)
    assert Latent(num=3, spread="clusters").latents == LatentSampling(num=3, style_scale=1.0, clustered=True)


@pytest.mark.parametrize("beam_size", [1, 4])
def test_generates_the_best_caption_of_each_draw(beam_size: int) -> None:
    settings = random_stepper(num_tables=20), *start(20, of=20), SPECIAL
    generated = Latent(num=5, beam_size=beam_size, length_penalty=1.0, max_length=9)(*settings)
    search = Greedy(max_length=9) if beam_size == 1 else Beam(beam_size=4, length_penalty=1.0, max_length=9)
    assert all(torch.equal(part, other) for part, other in zip(generated, search(*settings), strict=True))


def test_words_are_sampled_at_a_temperature_with_the_images_own_generators() -> None:
    settings = ViewStepper(torch.zeros(6, 30)), *start(6), SPECIAL
    latent, sample = Latent(num=3, temperature=0.5, max_length=8), Sample(num=3, temperature=0.5, max_length=8)
    generated, expected = (
        strategy.bind(Request(generators=generators_of([7, 8])))(*settings) for strategy in (latent, sample)
    )
    assert all(torch.equal(part, other) for part, other in zip(generated, expected, strict=True))
    again_NL = latent.bind(Request(generators=generators_of([8, 7])))(*settings).tokens_NL
    assert torch.equal(generated.tokens_NL, again_NL.roll(3, dims=0))
    assert not torch.equal(generated.tokens_NL[:3], generated.tokens_NL[3:])


def _generated(num: int) -> Generated:
    """Captions of one or two words, many of them equal."""
    stepper = ViewStepper(torch.zeros(num, 12).index_fill(1, torch.tensor([2, 5]), 3.0))
    return Sample(max_length=2)(stepper, *start(num), SPECIAL)


def test_keeps_all_captions_of_as_many_draws_as_captions() -> None:
    assert Latent(num=5).select(_generated(30), SPECIAL, 3) is None


def test_keeps_the_first_captions_of_each_image_that_differ() -> None:
    generated = _generated(30)
    selection = Latent(num=2, max_draws=10).select(generated, SPECIAL, 3)
    expected = first_different(generated.tokens_NL.view(3, 10, 2), 2)
    assert selection is not None
    assert all(torch.equal(part, other) for part, other in zip(selection, expected, strict=True))


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_keeps_captions_that_differ_and_are_likely(length_penalty: float) -> None:
    generated = _generated(30)
    selection = Latent(num=3, max_draws=10, diversity=2.0, length_penalty=length_penalty).select(generated, SPECIAL, 3)
    relevance_N = length_normalised(generated.log_probability_N, generated.tokens_NL, length_penalty, pad_id=PAD)
    expected = most_different(
        generated.tokens_NL.view(3, 10, 2), relevance_N.view(3, 10), 3, diversity=2.0, special=SPECIAL
    )
    assert selection is not None
    assert all(torch.equal(part, other) for part, other in zip(selection, expected, strict=True))


def test_of_given_styles_each_has_its_own_captions() -> None:
    latent = Latent(num=2, max_draws=5)
    selection = latent.select(_generated(30), SPECIAL, 3)  # two styles of each image
    assert selection is not None
    assert selection.chosen_SF.shape == (6, 2)
    with pytest.raises(ValueError, match=r"max_draws must be null where styles are given, .* 5 times, .* got 4"):
        latent.select(_generated(12), SPECIAL, 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num": 0}, "generation.num must be at least 1, got 0"),
        ({"source": "thin air"}, "generation.source must be posterior or prior, got thin air"),
        ({"latent_scale": -1.0}, "generation.latent_scale must be 0 or more, got -1.0"),
        ({"max_draws": 4}, "generation.max_draws must be null or at least num=5, got 4"),
        ({"spread": "wide"}, "generation.spread must be independent, stratified or clusters, got wide"),
        (
            {"spread": "stratified", "distinct": True},
            "generation.spread must be independent with distinct=true, got stratified",
        ),
        ({"temperature": -0.5}, "generation.temperature must be 0 or more, got -0.5"),
        (
            {"temperature": 0.5, "beam_size": 3},
            "generation.temperature must be 0 with beam_size=3, whose words are not sampled, got 0.5",
        ),
        ({"diversity": -1.0}, "generation.diversity must be null, 0 or more, got -1.0"),
        ({"diversity": 1.0, "length_penalty": -1.0}, "generation.length_penalty must be 0 or more, got -1.0"),
        ({"beam_size": 0}, "generation.beam_size must be at least 1, got 0"),
    ],
)
def test_refuses_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Latent(**settings)
