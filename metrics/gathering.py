"""How metric states come together from many processes."""

import warnings

import torch
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors

# Of a process that was given no image, whose metrics are those of all processes all the same.
warnings.filterwarnings("ignore", message="The ``compute`` method of metric .* was called before the ``update`` method")


def gather_as(result: Tensor, group: object = None, *, dtype: torch.dtype) -> list[Tensor]:
    """Return the one-dimensional `result` of every process, in order; for `dist_sync_fn` of a `torchmetrics.Metric`.

    A process that was given no image hands in an empty tensor of torchmetrics' default type, which must not meet the
    others' type in one collective call.
    """
    return gather_all_tensors(result.to(dtype), group)
