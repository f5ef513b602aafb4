"""Codes of the captions of a few images, gathered over an evaluation.

Shape legend: B images, N captions, X numbers of a caption.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from callbacks.shown_images import rows_of_first
from datamodules.batch import CaptionBatch
from metrics.rows_by_image import RowsByImage, places_of


class Codes(NamedTuple):
    """Codes of captions, in the order of their images' ids.

    Attributes:
        image_ids: The image of each.
        code_NX: On the CPU.
    """

    image_ids: list[int]
    code_NX: Tensor


class FirstCodes(RowsByImage):
    """Keeps the codes of all captions of the first images of a split; the same on any number of processes.

    Args:
        num_images: How many images, those of the lowest ids.
    """

    def __init__(self, num_images: int) -> None:
        super().__init__(torch.float64)  # which also holds an id
        self.num_images = num_images
        self.image_ids: list[int] = []

    def choose(self, batch: CaptionBatch) -> Tensor:
        """Return which captions of a batch to add the codes of, by their rows: [M]."""
        ids = batch.image_ids_B.tolist()
        rows = rows_of_first(self.image_ids, ids, self.num_images)
        self.image_ids = sorted([*self.image_ids, *(ids[row] for row in rows)])[: self.num_images]
        rows_B = torch.tensor(rows, dtype=torch.int64, device=batch.image_of_caption_N.device)
        return torch.isin(batch.image_of_caption_N, rows_B).nonzero().squeeze(1)

    def update(self, code_MX: Tensor, chosen_M: Tensor, batch: CaptionBatch) -> None:
        """Add the codes of the captions that `choose` has named."""
        image_ids_M = batch.image_ids_B[batch.image_of_caption_N[chosen_M]]
        places_M = places_of(batch.image_of_caption_N)[chosen_M]
        self.add(image_ids_M, torch.cat([image_ids_M.unsqueeze(1).double(), code_MX.double()], dim=1), places_M)

    def compute(self) -> Codes:
        """Return the codes of the first images of all processes."""
        rows_NX = self.distinct()
        assert rows_NX is not None, "some process has a caption"
        first = rows_NX[:, 0].unique()[: self.num_images]
        of_first_NX = rows_NX[torch.isin(rows_NX[:, 0], first)].cpu()
        return Codes([round(image_id) for image_id in of_first_NX[:, 0].tolist()], of_first_NX[:, 1:])

    def reset(self) -> None:
        super().reset()
        self.image_ids = []
