"""Means over the batches of several processes, on real processes: values and gradients are those of one."""

from pathlib import Path

import pytest
import timm
import torch
from timm.layers import BatchNormAct2d as TimmBatchNormAct2d
from torch import Tensor, nn

from lightning_modules.networks.encoders import TimmEncoder
from lightning_modules.networks.encoders.timm_batch_norm import BatchNormAct2d, share_batch_norm
from lightning_modules.networks.layers.batch_norm import BatchNorm1d, BatchNorm2d
from tests.two_processes import on_two_processes
from utils.distributed import mean_of_batch

SHARES = (slice(0, 3), slice(3, 8))  # of the images; uneven on purpose
NORMS: list[tuple[type[nn.Module], type[nn.Module]]] = [
    (BatchNorm2d, nn.BatchNorm2d),
    (BatchNormAct2d, TimmBatchNormAct2d),
]


def _images() -> Tensor:
    return 3 + torch.randn(8, 4, 5, 5, generator=torch.Generator().manual_seed(1))


def _step(norm: nn.Module, share: slice) -> dict[str, Tensor]:
    """Compute something like a loss of two terms with different numbers of samples; return it and its gradients."""
    torch.manual_seed(0)
    before, after = nn.Conv2d(4, 4, 3), nn.Linear(36, 2)
    network = nn.Sequential(before, norm, nn.Flatten(), after)
    out_N2 = network(_images()[share])
    several_M = out_N2.square().sum(dim=1).repeat_interleave(1 + torch.arange(8)[share] % 3)
    mean = mean_of_batch({"one": out_N2[:, 0].exp(), "several": several_M, "by dimension": out_N2})
    loss = mean["one"] + mean["several"] * mean["by dimension"].clamp(min=-0.1).sum()
    loss.backward()
    gradients = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    return {"loss": loss.detach(), **gradients, **{name: value.clone() for name, value in norm.named_buffers()}}


def _without_places(norm: nn.Module, share: slice) -> dict[str, Tensor]:
    out_N4 = norm(_images()[share].flatten(2)[..., 0])
    return {"mean": mean_of_batch({"out": out_N4.square() * torch.arange(4)})["out"].detach(), **norm.state_dict()}


def _fine_tuned(share: slice) -> dict[str, Tensor]:
    torch.manual_seed(0)
    encoder = TimmEncoder(image_size=32, backbone="test_efficientnet", frozen=False, weights=None).train()
    features_BPD = encoder(
        (50 * _images()[:, :3]).clamp(0, 255).to(torch.uint8).repeat(1, 1, 7, 7)[..., :32, :32][share]
    )
    loss = mean_of_batch({"out": features_BPD.square().mean(dim=1)})["out"].sum()
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in encoder.named_parameters() if parameter.grad is not None}
    return {"loss": loss.detach(), **gradients, **{name: value.clone() for name, value in encoder.named_buffers()}}


def test_values_and_mean_gradients_are_those_of_one_process_with_all_samples(tmp_path: Path) -> None:
    def steps(share: slice, shared: bool) -> list[dict[str, Tensor]]:
        images = [_step(pair[not shared](4), share) for pair in NORMS]
        rows = _without_places((BatchNorm1d if shared else nn.BatchNorm1d)(4, momentum=None), share)
        return [*images, rows, _fine_tuned(share)]

    alone = steps(slice(0, 8), shared=False)
    first, second = on_two_processes(lambda rank: steps(SHARES[rank], shared=True), tmp_path)
    for of_first, of_second, of_one in zip(first, second, alone, strict=True):
        assert of_first.keys() == of_second.keys() == of_one.keys()
        for name, expected in of_one.items():
            together = (of_first[name] + of_second[name]) / 2  # what data-parallel training does with gradients
            error = (together - expected).double().norm() / expected.double().norm().clamp(min=0.1)
            assert error < 1e-4, f"{name}: {error}"


def test_alone_nothing_is_exchanged_and_the_mean_is_pytorchs() -> None:
    term_N, term_NZ = torch.randn(7), torch.randn(5, 3)
    mean = mean_of_batch({"a": term_N, "b": term_NZ})
    assert torch.equal(mean["a"], term_N.mean())
    assert torch.equal(mean["b"], term_NZ.mean(dim=0))


@pytest.mark.parametrize(("ours", "theirs"), NORMS)
def test_alone_batch_norm_is_as_it_was_to_the_last_digit(ours: type[nn.Module], theirs: type[nn.Module]) -> None:
    alone, as_it_was = _step(ours(4), slice(0, 8)), _step(theirs(4), slice(0, 8))
    assert all(torch.equal(alone[name], as_it_was[name]) for name in alone)
    assert alone.keys() == as_it_was.keys()


@pytest.mark.parametrize("backbone", ["test_efficientnet", "test_resnet", "levit_128s"])
def test_every_batch_norm_of_a_backbone_is_shared_under_its_old_name(backbone: str) -> None:
    network = timm.create_model(backbone)
    names = [*network.state_dict()]
    share_batch_norm(network)
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    assert norms
    assert all(isinstance(norm, BatchNorm1d | BatchNorm2d | BatchNormAct2d) for norm in norms)
    assert [*network.state_dict()] == names
