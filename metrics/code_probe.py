"""A linear probe of a code over the captions of an evaluation.

Shape legend: B images, N captions, Z dimensions of the code.
"""

import numpy as np
import torch
from torch import Tensor

from metrics.factor import Integers
from metrics.probes import Probed, linear_probe
from metrics.rows_by_image import RowsByImage, places_of

HEAD = 2  # numbers before the code in each row: image and label


class CodeProbe(RowsByImage):
    """Keeps codes and labels of captions, and probes those of the first images: the same on any number of processes.

    Args:
        num_captions: Most captions that are looked at, the first in the order of their images' ids.

    Raises:
        ValueError: They are fewer than two.
    """

    def __init__(self, num_captions: int) -> None:
        super().__init__()
        if num_captions < 2:
            raise ValueError(f"num_captions must be at least 2, to fit to some and score others, got {num_captions}")
        self.num_captions = num_captions

    def update(self, codes_NZ: Tensor, labels_N: Integers, image_ids_B: Tensor, image_of_caption_N: Tensor) -> None:
        """Add the captions of some images.

        Args:
            codes_NZ: Their codes.
            labels_N: The label of each.
            image_ids_B: The images' ids.
            image_of_caption_N: For each caption the row of its image; those of an image stand together.
        """
        ids_N = image_ids_B.to(image_of_caption_N.device)[image_of_caption_N]
        head_NH = torch.stack([ids_N, torch.from_numpy(labels_N).to(ids_N)], dim=1)
        rows = torch.cat([head_NH.double(), codes_NZ.detach().to(head_NH.device, torch.float64)], dim=1)
        self.add(ids_N, rows, places_of(image_of_caption_N))

    def compute(self) -> Probed | None:
        """Probe; None where there are not two images, or a code is not finite."""
        rows = self.distinct()
        if rows is None:
            return None
        array = rows[: self.num_captions].cpu().numpy()
        ids_N, labels_N, codes_NZ = array[:, 0].astype(np.int64), array[:, 1].astype(np.int64), array[:, HEAD:]
        if len(np.unique(ids_N)) < 2 or not np.isfinite(codes_NZ).all():
            return None
        return linear_probe(codes_NZ, labels_N, ids_N)
