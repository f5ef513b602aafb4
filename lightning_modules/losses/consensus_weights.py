"""How much each human caption counts in training."""

import torch
from torch import Tensor

from lightning_modules.schedules import Schedule, as_schedule


class ConsensusWeights:
    """Captions that say what the image's other captions say count more (Phan et al. 2017, section 3.2).

    The weight of a caption is its consensus over the mean of its image's captions, no lower than `lowest` and no higher
    than `highest`, rescaled so that the captions of an image have a mean weight of 1.

    Args:
        lowest: Of a caption, before rescaling.
        highest: Of a caption, before rescaling.
        share: Of the loss in which captions count by their weights; in the rest they count alike. A number, or a
            schedule over training steps (see `lightning_modules.schedules`).

    Raises:
        ValueError: The bounds do not hold 1 between them.
    """

    def __init__(self, *, lowest: float = 0.25, highest: float = 2.0, share: float | Schedule) -> None:
        if not 0 <= lowest <= 1 <= highest:
            raise ValueError(
                f"model.loss.weights: expected lowest from 0 to 1 and highest of 1 or more, got {lowest} and {highest}"
            )
        self.lowest = lowest
        self.highest = highest
        self.share = as_schedule(share)

    def of_image(self, consensus_K: Tensor) -> Tensor:
        """Return the weights of an image's captions, given CIDEr-D of each with the others: [K]; 1 where all have 0."""
        mean = consensus_K.mean()
        if not mean:
            return torch.ones_like(consensus_K)
        clipped_K = (consensus_K / mean).clamp(self.lowest, self.highest)
        return clipped_K / clipped_K.mean()
