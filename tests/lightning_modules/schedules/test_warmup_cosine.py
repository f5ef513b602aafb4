import math

import pytest
import torch
from torch.optim import SGD

from lightning_modules.schedules import WarmupCosine


def _rates(total_steps: int, **shares: float) -> list[float]:
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
    scheduler = WarmupCosine(optimizer, total_steps=total_steps, **shares)
    rates = []
    for _ in range(total_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def test_goes_up_on_a_line_and_down_on_a_cosine() -> None:
    rates = _rates(100, warmup_share=0.1, final_share=0.25)
    assert rates[:10] == pytest.approx([0.2 * step for step in range(1, 11)])
    cosine = [2 * (0.25 + 0.75 * (1 + math.cos(math.pi * step / 90)) / 2) for step in range(90)]
    assert rates[10:] == pytest.approx(cosine)


def test_a_run_of_one_step_has_the_full_rate() -> None:
    assert _rates(1) == [2.0]


@pytest.mark.parametrize("share", ["warmup_share", "final_share"])
@pytest.mark.parametrize("value", [-0.1, 1.0])
def test_refuses_shares_out_of_range(share: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"model.scheduler.{share} must be from 0 to below 1, got {value}"):
        _rates(10, **{share: value})
