"""The base of metrics that score each image's captions by themselves and report the mean over the images."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from metrics.caption_metric import check_batch
from metrics.mean_over_images import MeanOverImages


class PerImageMetric(MeanOverImages):
    """Scores an image's candidate captions and averages over images; exact on any number of processes."""

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
        check_batch(candidates, references, image_ids)
        rows = [
            self.score(captions, refs, image_id)
            for captions, refs, image_id in zip(candidates, references, image_ids.tolist(), strict=True)
        ]
        self.add(image_ids, torch.tensor(rows, dtype=torch.float64).view(-1, len(self.names)))
