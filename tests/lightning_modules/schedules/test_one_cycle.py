import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from lightning_modules.schedules import OneCycle


def _rates(kind: type[OneCycleLR], total_steps: int, pct_start: float) -> list[float]:
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = kind(optimizer, max_lr=0.1, total_steps=total_steps, pct_start=pct_start, cycle_momentum=False)
    rates = []
    for _ in range(total_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step() if len(rates) < total_steps else None
    return rates


@pytest.mark.parametrize(("total_steps", "pct_start"), [(1, 0.05), (10, 0.05), (21, 0.05), (40, 0.25)])
def test_is_that_of_pytorch(total_steps: int, pct_start: float) -> None:
    assert _rates(OneCycle, total_steps, pct_start) == _rates(OneCycleLR, total_steps, pct_start)


@pytest.mark.parametrize(("total_steps", "pct_start"), [(20, 0.05), (10, 0.1), (4, 0.25)])
def test_the_way_up_may_take_one_step(total_steps: int, pct_start: float) -> None:
    with pytest.raises(ZeroDivisionError):
        _rates(OneCycleLR, total_steps, pct_start)
    rates = _rates(OneCycle, total_steps, pct_start)
    assert rates[0] == pytest.approx(0.1 / 25)
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] == pytest.approx(0.1 / 25 / 1e4)
