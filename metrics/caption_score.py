"""What scores captions, whatever it keeps of them."""

from collections.abc import Mapping, Sequence
from typing import Protocol, Self

import torch
from torch import Tensor


class CaptionScore(Protocol):
    """What `PerImageMetric` and `CaptionMetric` have in common."""

    def to(self, device: torch.device) -> Self: ...

    def update(
        self, candidates: Sequence[Sequence[str]], references: Sequence[Sequence[str]], image_ids: Tensor
    ) -> None: ...

    def compute(self) -> Mapping[str, Tensor]: ...

    def reset(self) -> None: ...
