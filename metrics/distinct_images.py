"""Which images something happened to, over all processes."""

from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from metrics.gathering import gather_as


class DistinctImages(Metric):
    """Collects the numbers of images; exact on any number of processes, whose sampler may repeat images."""

    full_state_update = False

    ids: list[Tensor]

    def __init__(self) -> None:
        super().__init__(dist_sync_fn=partial(gather_as, dtype=torch.int64))
        self.add_state("ids", default=[], dist_reduce_fx="cat")

    def update(self, image_ids: Iterable[int]) -> None:
        """Add images by their numbers."""
        new = torch.tensor([*image_ids], dtype=torch.int64, device=self.device)
        if len(new):
            self.ids.append(new)

    def compute(self) -> list[int]:
        """Return the number of each image once, ascending; none where nothing was added."""
        ids: list[int] = dim_zero_cat(self.ids).unique().tolist() if len(self.ids) else []
        return ids
