"""A rate and a decay of its own for the part of an encoder that is trained."""

import pytest
import torch
from torch import nn
from torch.optim import SGD, Optimizer

from lightning_modules.fine_tuning import DecayToStart, parameter_groups
from lightning_modules.networks.encoders import TimmEncoder
from lightning_modules.schedules import OneCycle, WarmupCosine


def _encoder(**settings: float) -> TimmEncoder:
    return TimmEncoder(
        image_size=32, backbone="test_efficientnet", weights=None, trainable_from="conv_head", **settings
    )


def _optimizer(encoder: TimmEncoder, other: nn.Parameter) -> Optimizer:
    trained = [other, *(parameter for parameter in encoder.parameters() if parameter.requires_grad)]
    return SGD(parameter_groups(trained, encoder, rate=0.5), lr=0.5, weight_decay=0.1)


def test_each_group_has_its_rate_under_every_schedule() -> None:
    for schedule in (
        lambda optimizer: WarmupCosine(optimizer, total_steps=20),
        lambda optimizer: OneCycle(optimizer, max_lr=0.5, total_steps=20, cycle_momentum=False),
    ):
        optimizer = _optimizer(_encoder(trainable_rate=0.1), nn.Parameter(torch.ones(1)))
        scheduler = schedule(optimizer)
        for _ in range(20):
            others, backbone = optimizer.param_groups
            assert backbone["lr"] == pytest.approx(0.1 * others["lr"])
            assert (others["weight_decay"], backbone["weight_decay"], backbone["name"]) == (0.1, 0.0, "backbone")
            optimizer.step()
            scheduler.step()


def test_a_step_goes_back_a_share_of_the_way_to_the_start() -> None:
    encoder = _encoder(trainable_rate=0.1, trainable_decay=2.0)
    optimizer = _optimizer(encoder, nn.Parameter(torch.ones(1)))
    optimizer.register_step_post_hook(DecayToStart(encoder))
    (changed, start), (unchanged, its_start) = encoder.start_weights()[:2]
    before = start.clone()
    with torch.no_grad():
        unchanged.add_(1)
    changed.grad = torch.full_like(changed, 3.0)
    optimizer.step()
    # rate 0.05: first the gradient, then 0.05 · 2 of the way back
    torch.testing.assert_close(changed.detach(), before - 0.05 * 3 * (1 - 0.1))
    torch.testing.assert_close(unchanged.detach(), its_start + 1)  # no gradient, no step
    assert torch.equal(start, before)
