"""Batch normalisation whose batch is that of all processes together.

Shape legend: B images, C channels, H rows, W columns.
"""

import torch
from torch import Tensor, nn

from lightning_modules.processes import num_processes, sum_of_processes


class BatchNorm2d(nn.BatchNorm2d):
    """PyTorch's on one process; on several it gives what one process would give with all their images.

    PyTorch's own `SyncBatchNorm` does the same, but on no CPU (Ioffe and Szegedy 2015).
    """

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or num_processes() == 1:
            return super().forward(input)
        return self._over_all_processes(input)

    def _over_all_processes(self, x_BCHW: Tensor) -> Tensor:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        wide_BCHW = x_BCHW.float()
        elements = wide_BCHW.new_tensor([wide_BCHW.numel() / wide_BCHW.shape[1]])
        total = sum_of_processes(torch.cat([wide_BCHW.sum(dim=(0, 2, 3)), elements]))
        sum_C, count = total[:-1], total[-1]
        mean_C = sum_C / count
        centred_BCHW = wide_BCHW - mean_C[:, None, None]
        # the squares around the mean of all, in a second exchange: a difference of large sums would lose digits
        variance_C = sum_of_processes(centred_BCHW.square().sum(dim=(0, 2, 3))) / count
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean_C.to(self.running_mean.dtype), self.momentum)
            self.running_var.lerp_((variance_C * count / (count - 1)).to(self.running_var.dtype), self.momentum)
        scale_C = self.weight * torch.rsqrt(variance_C + self.eps)
        return (centred_BCHW * scale_C[:, None, None] + self.bias[:, None, None]).to(x_BCHW.dtype)
