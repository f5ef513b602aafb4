"""The base of metrics that keep rows of numbers of images, or of their captions, until the end of an evaluation.

Shape legend: B images, N rows, K numbers of a row, H numbers of a row's head.
"""

from abc import ABC
from functools import partial

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from metrics.gathering import gather_as

HEAD = 3  # of each row: image, place among the image's rows, and how many numbers follow


class RowsByImage(Metric, ABC):
    """Keeps rows with their images' ids; exact on any number of processes and for any size of batches.

    A distributed sampler repeats images to fill up the last batch, so each row of an image counts once, and rows come
    back in the order of the ids: what is computed of them is the same to the last digit on one process and on many,
    also where one of them was given no image.

    Args:
        dtype: Of the numbers.
    """

    full_state_update = False

    rows: list[Tensor]

    def __init__(self, dtype: torch.dtype = torch.float64) -> None:
        # bytes: processes exchange ids and numbers as a single flat tensor of one type
        super().__init__(dist_sync_fn=partial(gather_as, dtype=torch.uint8))
        self.row_dtype = dtype
        self.add_state("rows", default=[], dist_reduce_fx="cat")

    def add(self, image_ids_N: Tensor, values_NK: Tensor, places_N: Tensor | None = None) -> None:
        """Keep rows; where a place of an image comes again, its first row counts.

        Args:
            image_ids_N: The image of each row.
            values_NK: The rows; of all batches equally wide.
            places_N: Which of its image's rows each is, from 0; None where each image has one.
        """
        assert len(values_NK) == len(image_ids_N), (values_NK.shape, image_ids_N.shape)
        if not len(values_NK):
            return
        ids_N = image_ids_N.to(self.device, torch.int64)
        places_N = torch.zeros_like(ids_N) if places_N is None else places_N.to(ids_N)
        head_NH = torch.stack([ids_N, places_N, torch.full_like(ids_N, values_NK.shape[1])], dim=1)
        values_NK = values_NK.detach().to(self.device, self.row_dtype).contiguous()
        self.rows.append(torch.cat([head_NH.view(torch.uint8), values_NK.view(torch.uint8)], dim=1).flatten())

    def distinct(self) -> Tensor | None:
        """Return the distinct rows in the order of their images and places, `values_NK`; None where there is none."""
        if not len(self.rows):
            return None
        flat = dim_zero_cat(self.rows)
        head_bytes = HEAD * torch.int64.itemsize
        width = int(flat[:head_bytes].view(torch.int64)[-1])
        rows = flat.view(-1, head_bytes + width * self.row_dtype.itemsize)
        head_NH = rows[:, :head_bytes].clone(
            memory_format=torch.contiguous_format
        )  # also of one row, whose stride stays
        keys_N2 = head_NH.view(torch.int64)[:, : HEAD - 1]
        order_N = keys_N2[:, 1].argsort(stable=True)
        order_N = order_N[keys_N2[order_N, 0].argsort(stable=True)]
        keys_N2 = keys_N2[order_N]
        is_first_N = torch.ones_like(order_N, dtype=torch.bool)
        is_first_N[1:] = (keys_N2[1:] != keys_N2[:-1]).any(dim=1)
        return rows[order_N[is_first_N], head_bytes:].contiguous().view(self.row_dtype)


def places_of(image_of_row_N: Tensor) -> Tensor:
    """Return for each row which of its image's rows it is, from 0, where those of an image stand together: [N]."""
    counts_B = torch.bincount(image_of_row_N)
    starts_B = counts_B.cumsum(dim=0) - counts_B
    return torch.arange(len(image_of_row_N), device=image_of_row_N.device) - starts_B[image_of_row_N]
