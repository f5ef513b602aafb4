"""Several rankers' scores, added up.

Shape legend: B images, N captions, image by image, K captions of an image.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from datamodules.split import CaptionSplit
from lightning_modules.base import CaptioningModule
from lightning_modules.ranking.ranker import Candidates, Ranker


class Mix(Ranker):
    """The weighted sum of scores that are standardised within each image: nats and CIDEr have no common unit.

    Args:
        rankers: Rankers by name.
        weights: The weight of each, by the same names; a ranker of weight 0 is not asked.

    Raises:
        ValueError: The names differ, or all weights are 0.
    """

    def __init__(self, *, rankers: Mapping[str, Ranker], weights: Mapping[str, float]) -> None:
        if set(rankers) != set(weights):
            raise ValueError(
                f"ranking.weights must have a weight for each of {', '.join(rankers)}, got {', '.join(weights)}"
            )
        self.parts = [(rankers[name], weight) for name, weight in weights.items() if weight != 0]
        if not self.parts:
            raise ValueError("ranking.weights must not all be 0; choose ranking=none for no ranking")

    def prepare(self, captioner: CaptioningModule, training: Callable[[], CaptionSplit] | None) -> None:
        for ranker, _ in self.parts:
            ranker.prepare(captioner, training)

    def __call__(self, captioner: CaptioningModule, candidates: Candidates) -> Tensor:
        num_images = len(candidates.images_BCHW)
        weighted = [
            weight * standardised(ranker(captioner, candidates).view(num_images, -1)) for ranker, weight in self.parts
        ]
        return torch.stack(weighted).sum(dim=0).flatten()


def standardised(score_BK: Tensor) -> Tensor:
    """Return scores with mean 0 and standard deviation 1 within each image; 0 where all are equal."""
    centred_BK = score_BK - score_BK.mean(dim=1, keepdim=True)
    deviation_B1 = centred_BK.square().mean(dim=1, keepdim=True).sqrt()
    negligible_B1 = deviation_B1 <= 1e-6 * score_BK.abs().amax(dim=1, keepdim=True)  # equal up to rounding
    return torch.where(negligible_B1, 0.0, centred_BK / deviation_B1)
