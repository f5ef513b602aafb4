"""Means of numbers that each caption of a split has, such as the terms of a loss.

Shape legend: B images, N captions, K names, X numbers of a row.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from metrics.rows_by_image import RowsByImage, places_of


class MeanOverCaptions(RowsByImage):
    """Averages over the distinct captions of a split, each of which counts once, in double precision.

    Args:
        names: What each caption has; a number, or a row of them.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)

    def update(self, values: Mapping[str, Tensor], image_ids_B: Tensor, image_of_caption_N: Tensor) -> None:
        """Add all captions of some images.

        Args:
            values: By name, in the order of `names`: [N] or [N, ...].
            image_ids_B: The images' ids.
            image_of_caption_N: For each caption the row of its image; those of an image stand together.
        """
        assert tuple(values) == self.names, (tuple(values), self.names)
        parts = [value.detach().double().flatten(1) if value.ndim > 1 else value[:, None] for value in values.values()]
        # The widths come along, for a process without any caption must know them, too
        widths_K = torch.tensor([part.shape[1] for part in parts], device=image_of_caption_N.device)
        row_NX = torch.cat([widths_K.expand(len(image_of_caption_N), -1), *parts], dim=1)
        self.add(image_ids_B[image_of_caption_N], row_NX, places_of(image_of_caption_N))

    def compute(self) -> dict[str, Tensor] | None:
        """Return the mean of each name, a scalar or [...]; None where no caption was added."""
        rows_NX = self.distinct()
        if rows_NX is None:
            return None
        widths_K, mean_X = rows_NX.mean(dim=0).tensor_split([len(self.names)])
        parts = mean_X.split([round(width) for width in widths_K.tolist()])
        return {name: part.squeeze(0) if len(part) == 1 else part for name, part in zip(self.names, parts, strict=True)}
