"""The base of metrics that score each image by itself and report the mean over the images."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


class PerImageMetric(Metric, ABC):
    """Scores an image's candidate captions and averages over images; exact on any number of processes.

    A distributed sampler repeats images to fill up the last batch, so scores are kept with their image ids and each
    image counts once. Sums run in the order of the ids and in double precision: the result is the same to the last
    digit on one process and on many.

    Attributes:
        names: What `score` returns, in order; the keys of `compute`.
    """

    names: ClassVar[tuple[str, ...]]
    full_state_update = False
    higher_is_better = True

    image_ids: list[Tensor]
    scores: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("image_ids", default=[], dist_reduce_fx="cat")
        self.add_state("scores", default=[], dist_reduce_fx="cat")

    @abstractmethod
    def score(self, candidates: Sequence[str], references: Sequence[str], image_id: int) -> Sequence[float]:
        """Return one number for each of `names` from an image's candidate and reference captions."""

    def update(
        self, candidates: Sequence[Sequence[str]], references: Sequence[Sequence[str]], image_ids: Tensor
    ) -> None:
        """Add a batch: for each image its candidate captions, its reference captions and its id ([B], integer).

        Raises:
            ValueError: The three do not have the same length, or an image has no candidate.
        """
        if not len(candidates) == len(references) == len(image_ids):
            raise ValueError(
                f"expected candidates, references and image_ids of one length, "
                f"got {len(candidates)}, {len(references)} and {len(image_ids)}"
            )
        if any(len(captions) == 0 for captions in candidates):
            raise ValueError("expected at least one candidate caption for each image, got none for some image")
        rows = [
            self.score(captions, refs, image_id)
            for captions, refs, image_id in zip(candidates, references, image_ids.tolist(), strict=True)
        ]
        self.image_ids.append(image_ids.to(self.device, torch.long))
        self.scores.append(torch.tensor(rows, dtype=torch.float64, device=self.device).view(-1, len(self.names)))

    def compute(self) -> dict[str, Tensor]:
        """Return the mean of each of `names` over the distinct images.

        Raises:
            ValueError: No image was added.
        """
        if len(self.image_ids) == 0:
            raise ValueError(f"{type(self).__name__} has no image to average over; call update() first")
        image_ids = dim_zero_cat(self.image_ids)
        scores = dim_zero_cat(self.scores)
        distinct, row_of = torch.unique(image_ids, return_inverse=True)
        one_row_each = scores.new_zeros(len(distinct), scores.shape[1])
        one_row_each[row_of] = scores  # repeats of an image carry the same scores: whichever is written last
        return dict(zip(self.names, one_row_each.mean(dim=0).unbind(), strict=True))
