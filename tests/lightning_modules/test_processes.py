"""Means over the batches of several processes, on real processes: values and gradients are those of one."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn

from lightning_modules.networks.batch_norm import BatchNorm2d
from lightning_modules.processes import mean_of_batch

NUM_PROCESSES = 2
SHARES = (slice(0, 3), slice(3, 8))  # of the images; uneven on purpose


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


def _process(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    rendezvous = f"file://{folder / 'rendezvous'}"
    dist.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=NUM_PROCESSES)
    torch.save(_step(BatchNorm2d(4), SHARES[rank]), folder / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
def test_values_and_mean_gradients_are_those_of_one_process_with_all_samples(tmp_path: Path) -> None:
    alone = _step(nn.BatchNorm2d(4), slice(0, 8))
    mp.spawn(_process, args=(tmp_path,), nprocs=NUM_PROCESSES)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(NUM_PROCESSES))
    assert first.keys() == second.keys() == alone.keys()
    assert len(alone) > 8
    for name, expected in alone.items():
        together = (first[name] + second[name]) / 2  # what data-parallel training does with gradients
        torch.testing.assert_close(together, expected, rtol=1e-4, atol=1e-5, check_dtype=False)


def test_alone_nothing_is_exchanged_and_the_mean_is_pytorchs() -> None:
    term_N, term_NZ = torch.randn(7), torch.randn(5, 3)
    mean = mean_of_batch({"a": term_N, "b": term_NZ})
    assert torch.equal(mean["a"], term_N.mean())
    assert torch.equal(mean["b"], term_NZ.mean(dim=0))


def test_alone_batch_norm_is_pytorchs_to_the_last_digit() -> None:
    alone, pytorchs = _step(BatchNorm2d(4), slice(0, 8)), _step(nn.BatchNorm2d(4), slice(0, 8))
    assert all(torch.equal(alone[name], pytorchs[name]) for name in alone)
    assert alone.keys() == pytorchs.keys()
