"""Batch normalisation whose batch is that of all processes together.

Shape legend: B images, C channels.
"""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from utils.distributed import num_processes, sum_of_processes


class BatchNorm2d(nn.BatchNorm2d):
    """PyTorch's on one process; on several it gives what one process would give with all their images.

    PyTorch's own `SyncBatchNorm` does the same, but on no CPU (Ioffe and Szegedy 2015).
    """

    def forward(self, input: Tensor) -> Tensor:
        return over_all_processes(self, input) if over_several(self) else super().forward(input)


class BatchNorm1d(nn.BatchNorm1d):
    """The same without rows and columns."""

    def forward(self, input: Tensor) -> Tensor:
        return over_all_processes(self, input) if over_several(self) else super().forward(input)


def over_several(norm: _BatchNorm) -> bool:
    """Return whether a batch of this layer is spread over several processes."""
    return norm.training and num_processes() > 1


def over_all_processes(norm: _BatchNorm, x: Tensor) -> Tensor:
    """Normalise [B, C, ...] by the mean and variance of all processes' batches together, and keep track of them."""
    places = (0, *range(2, x.ndim))
    by_channel = (-1, *(1 for _ in places[1:]))
    wide = x.float()
    elements = wide.new_tensor([wide.numel() / wide.shape[1]])
    total = sum_of_processes(torch.cat([wide.sum(dim=places), elements]))
    mean_C, count = total[:-1] / total[-1], total[-1]
    centred = wide - mean_C.view(by_channel)
    # the squares around the mean of all, in a second exchange: a difference of large sums would lose digits
    variance_C = sum_of_processes(centred.square().sum(dim=places)) / count
    _track(norm, mean_C, variance_C * count / (count - 1))
    scale_C = torch.rsqrt(variance_C + norm.eps)
    if norm.weight is not None:
        scale_C = norm.weight * scale_C
    scaled = centred * scale_C.view(by_channel)
    return (scaled if norm.bias is None else scaled + norm.bias.view(by_channel)).to(x.dtype)


@torch.no_grad()
def _track(norm: _BatchNorm, mean_C: Tensor, variance_C: Tensor) -> None:
    if norm.running_mean is None or norm.running_var is None or norm.num_batches_tracked is None:
        return
    norm.num_batches_tracked += 1
    share = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum  # None: the mean of all
    norm.running_mean.lerp_(mean_C.to(norm.running_mean.dtype), share)
    norm.running_var.lerp_(variance_C.to(norm.running_var.dtype), share)
