from typing import Any

import pytest
import torch

from lightning_modules.networks.latents import (
    MEAN,
    CaptionWords,
    CategoricalCode,
    CategoricalStyleLatents,
    FromPosterior,
    Noise,
)
from lightning_modules.schedules import Exponential

GRID_BPD = torch.randn(2, 4, 6)
ROWS_N = torch.tensor([0, 0, 0, 1, 1, 1])
CAPTION = CaptionWords(torch.randn(6, 5, 7), torch.ones(6, 5, dtype=torch.bool))


def _module(**settings: Any) -> CategoricalStyleLatents:
    sizes = {"width": 6, "positions": 4, "embedding_dim": 7, "style_dim": 5, "content_dim": 5, "hidden_size": 16}
    return CategoricalStyleLatents(**(sizes | {"num_codes": 4} | settings))


def test_each_group_has_its_part_of_the_dimensions() -> None:
    assert _module().group_of_Z.tolist() == [0, 0, 0, 1, 1]
    assert _module(num_groups=5).group_of_Z.tolist() == [0, 1, 2, 3, 4]


def test_the_posterior_knows_image_and_caption_the_prior_the_image() -> None:
    style = _module()(GRID_BPD, ROWS_N, caption=CAPTION).style
    assert isinstance(style.posterior, CategoricalCode)
    assert isinstance(style.prior, CategoricalCode)
    q_NGK, p_NGK = style.posterior.log_probability_NGK, style.prior.log_probability_NGK
    torch.testing.assert_close(q_NGK.exp().sum(dim=2), torch.ones(6, 2))
    assert not torch.allclose(q_NGK[0], q_NGK[1])
    torch.testing.assert_close(p_NGK[0], p_NGK[1])
    assert not torch.allclose(p_NGK[0], p_NGK[3])
    torch.testing.assert_close(style.kl.sum(dim=1), (q_NGK.exp() * (q_NGK - p_NGK)).sum(dim=(1, 2)))


def test_without_a_caption_the_styles_of_an_image_may_differ_by_request() -> None:
    module = _module()
    style = module(GRID_BPD, ROWS_N, FromPosterior(noise=Noise(num_distinct=3)), MEAN).style
    assert style.posterior is style.prior
    assert isinstance(style.prior, CategoricalCode)
    choice_NG = style.prior.choices_of(style.sample)
    assert [len(of_image.unique(dim=0)) for of_image in (choice_NG[:3], choice_NG[3:])] == [3, 3]


def test_the_temperature_follows_the_step() -> None:
    module = _module(temperature=Exponential(start=2.0, end=0.5, steps=10))
    temperatures = [
        module(GRID_BPD, ROWS_N, caption=CAPTION, step=step).style.posterior.temperature for step in (0, 5, 10, 99)
    ]
    assert temperatures == pytest.approx([2.0, 1.0, 0.5, 0.5])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_groups": 6}, "num_groups must be from 1 to style_dim=5, got 6"),
        ({"num_groups": 0}, "num_groups must be from 1 to style_dim=5, got 0"),
        ({"num_codes": 1}, "num_codes must be at least 2, got 1"),
    ],
)
def test_refuses_what_is_no_choice(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _module(**settings)


def test_refuses_a_temperature_of_nothing() -> None:
    with pytest.raises(ValueError, match=r"temperature must be positive, got 0.0 at step 7"):
        _module(temperature=0.0)(GRID_BPD, ROWS_N, caption=CAPTION, step=7)


def test_a_code_made_without_gradients_stays_without() -> None:
    module = _module()
    with torch.no_grad():
        without = module(GRID_BPD, ROWS_N).style
    assert not without.posterior.mean.requires_grad
    assert not without.prior.as_gaussian().mean.requires_grad
    assert module(GRID_BPD, ROWS_N).style.posterior.mean.requires_grad
