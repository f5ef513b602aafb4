"""Batch normalisation over all processes for backbones of `timm`; the only networks here that others have written."""

from timm.layers import BatchNormAct2d as TimmBatchNormAct2d
from torch import Tensor, nn

from lightning_modules.networks.layers.batch_norm import BatchNorm1d, BatchNorm2d, over_all_processes, over_several


class BatchNormAct2d(TimmBatchNormAct2d):
    """The same with what `timm` does to its output: dropout, and an activation."""

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.drop(over_all_processes(self, x))) if over_several(self) else super().forward(x)


OURS: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm1d: BatchNorm1d,
    nn.BatchNorm2d: BatchNorm2d,
    TimmBatchNormAct2d: BatchNormAct2d,
}


def share_batch_norm(network: nn.Module) -> None:
    """Let the batch normalisation of a network that others have written be over all processes.

    Only the modules' classes change: parameters, buffers and their names stay as they are. `OURS` has every kind that
    backbones of `timm` are built of.
    """
    for module in network.modules():
        module.__class__ = OURS.get(type(module), type(module))
