from typing import Any

import pytest
import torch

from lightning_modules.generation import Beam, Greedy, Latent, LatentSampling
from tests.lightning_modules.generation.table_stepper import SPECIAL, random_stepper, start


def test_draws_style_alone_from_the_posterior_unless_told_otherwise() -> None:
    assert Latent(num=7).latents == LatentSampling(num=7, style_scale=1.0, content_scale=0.0, from_prior=False)
    varied = Latent(num=2, source="prior", latent_scale=0.7, vary_content=True)
    assert varied.latents == LatentSampling(num=2, style_scale=0.7, content_scale=0.7, from_prior=True)
    assert Latent(num=7).num == 7
    assert Latent(num=2, distinct=True).latents == LatentSampling(num=2, style_scale=1.0, distinct=True)


@pytest.mark.parametrize("beam_size", [1, 4])
def test_says_the_best_caption_of_each_draw(beam_size: int) -> None:
    settings = random_stepper(num_tables=20), *start(20, of=20), SPECIAL
    generated = Latent(num=5, beam_size=beam_size, length_penalty=1.0, max_length=9)(*settings)
    search = Greedy(max_length=9) if beam_size == 1 else Beam(beam_size=4, length_penalty=1.0, max_length=9)
    assert all(torch.equal(part, other) for part, other in zip(generated, search(*settings), strict=True))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num": 0}, "generation.num must be at least 1, got 0"),
        ({"source": "thin air"}, "generation.source must be posterior or prior, got thin air"),
        ({"latent_scale": -1.0}, "generation.latent_scale must be 0 or more, got -1.0"),
        ({"beam_size": 0}, "generation.beam_size must be at least 1, got 0"),
    ],
)
def test_refuses_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Latent(**settings)
