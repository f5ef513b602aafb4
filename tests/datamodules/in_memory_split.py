"""A split without files, for tests of what is built on splits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from datamodules.image_files.keys import ImageKeys


@dataclass
class InMemorySplit:
    """Images that are filled with their own number."""

    image_ids: Sequence[int]
    captions: Sequence[Sequence[str]]

    @property
    def image_names(self) -> Sequence[str | int]:
        return self.image_ids

    @property
    def image_fingerprint(self) -> str:
        return str(self.image_ids)

    @property
    def image_keys(self) -> ImageKeys:
        return np.array(self.image_ids, dtype=np.int64)[:, None]

    def load_image(self, index: int) -> Tensor:
        return torch.full((3, 4, 4), self.image_ids[index], dtype=torch.uint8)
