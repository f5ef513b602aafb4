"""What several processes that train together must agree on: sums and means over the batches of all of them.

Shape legend: N samples of this process's batch.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def num_processes() -> int:
    """Return how many processes train together; 1 without a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


class _Sum(torch.autograd.Function):
    """The sum of a tensor over all processes, and of its gradients."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor) -> Tensor:
        total = mine.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


def sum_of_processes(mine: Tensor) -> Tensor:
    """Return the sum of a tensor over all processes, each of which must call this; gradients reach all of them.

    The gradient is that of the sum of what the processes make of it, of which data-parallel training takes the mean.
    """
    summed: Tensor = _Sum.apply(mine)
    return summed


def gather_rows(mine: Tensor) -> Tensor:
    """Return the rows of all processes' tensors, each of which must call this: the first rows, then the second ones, ….

    Samplers deal the images of a batch out in turns, so that this is their order on one process. Processes may hold
    different numbers of rows. No gradients pass.

    Args:
        mine: This process's rows, [N, ...]; beyond N all have the same shape.
    """
    processes = num_processes()
    if processes == 1:
        return mine
    count = torch.tensor(len(mine), device=mine.device)
    counts = [torch.zeros_like(count) for _ in range(processes)]
    dist.all_gather(counts, count)
    padded = mine.new_zeros(max(int(count) for count in counts), *mine.shape[1:])
    padded[: len(mine)] = mine.detach()
    gathered = [torch.empty_like(padded) for _ in range(processes)]
    dist.all_gather(gathered, padded)
    is_row = torch.arange(len(padded), device=mine.device).unsqueeze(1) < torch.stack(counts)
    return torch.stack(gathered, dim=1)[is_row]


def mean_of_batch(samples: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the mean of each term over the samples of all processes' batches together.

    Processes may hold different numbers of samples. If each minimises a loss of these means, the mean of the
    processes' gradients, which data-parallel training takes, is the gradient on one process with all samples. It takes
    one exchange of a few numbers, and none on the way back: all processes compute the same loss.

    Args:
        samples: Terms of any shape [N, ...], all of one type; N may differ from term to term.
    """
    processes = num_processes()
    if processes == 1:
        return {name: term.mean(dim=0) for name, term in samples.items()}
    sums = [term.sum(dim=0) for term in samples.values()]
    mine = torch.cat([part.flatten() for part in sums])
    counts = mine.new_tensor([len(term) for term in samples.values()])
    total = torch.cat([mine.detach(), counts])
    dist.all_reduce(total)
    sums_of_all, counts_of_all = total.split([len(mine), len(counts)])
    with_gradient = sums_of_all + processes * (mine - mine.detach())
    parts = with_gradient.split([part.numel() for part in sums])
    return {
        name: part.view_as(own) / count
        for name, own, part, count in zip(samples, sums, parts, counts_of_all, strict=True)
    }
