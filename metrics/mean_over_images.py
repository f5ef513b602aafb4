"""The base of metrics that give each image a few numbers and report their means.

Shape legend: B images, K names.
"""

from abc import ABC
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from metrics.gathering import gather_as


class MeanOverImages(Metric, ABC):
    """Keeps a row of numbers for each image and averages over images; exact on any number of processes.

    A distributed sampler repeats images to fill up the last batch, so rows are kept with their image ids and each
    image counts once. Sums run in the order of the ids and in double precision: the result is the same to the last
    digit on one process and on many, also where one of them was given no image.

    Attributes:
        names: What the numbers of a row are, in order; the keys of `compute`.
    """

    names: ClassVar[tuple[str, ...]]
    full_state_update = False
    higher_is_better = True

    rows: list[Tensor]

    def __init__(self) -> None:
        # Ids and the bits of doubles as one kind of number, so that processes exchange a single flat tensor.
        super().__init__(dist_sync_fn=partial(gather_as, dtype=torch.int64))
        self.add_state("rows", default=[], dist_reduce_fx="cat")

    def add(self, image_ids_B: Tensor, values_BK: Tensor) -> None:
        """Keep a row for each image; where an image comes again, its first row counts."""
        assert values_BK.shape == (len(image_ids_B), len(self.names)), (values_BK.shape, image_ids_B.shape, self.names)
        ids_B1 = image_ids_B.to(self.device, torch.int64).unsqueeze(1)
        bits_BK = values_BK.to(self.device, torch.float64).view(torch.int64)
        if len(ids_B1):
            self.rows.append(torch.cat([ids_B1, bits_BK], dim=1).flatten())

    def compute(self) -> dict[str, Tensor]:
        """Return the mean of each of `names` over the distinct images.

        Raises:
            ValueError: No image was added.
        """
        if not len(self.rows):
            raise ValueError(f"{type(self).__name__} has no image to average over; call update() first")
        rows = dim_zero_cat(self.rows).view(-1, 1 + len(self.names))
        rows = rows[rows[:, 0].argsort(stable=True)]
        is_first = rows[:, 0].diff(prepend=rows[:1, 0] - 1) != 0
        values = rows[is_first, 1:].view(torch.float64)
        return dict(zip(self.names, values.mean(dim=0).unbind(), strict=True))
