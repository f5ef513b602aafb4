"""The loss of a whole split, as validation and test report it."""

import torch

from datamodules.batch import CaptionBatch
from lightning_modules.losses import LossReport, LossTerms, VAELoss
from metrics import MeanOverCaptions


class SplitLoss:
    """Gathers the terms of each caption over an evaluation, and makes the loss of their means.

    Each caption of the split counts once, on any number of processes and in batches of any size, and what the loss
    takes of means, such as free bits, is of the means over the split. Processes exchange nothing before the end, so
    that one without a readable image keeps none waiting.

    Args:
        loss: The VAE-loss.
        redraws: Whether images are redrawn.
    """

    def __init__(self, loss: VAELoss, *, redraws: bool) -> None:
        none_N, none_NZ = torch.empty(0), torch.empty(0, 0)
        of_no_caption = LossTerms(none_N, none_N, none_N if redraws else None, none_NZ, none_NZ)
        self.loss = loss
        self.mean = MeanOverCaptions([*loss.samples(of_no_caption)])  # names that all processes know

    def reset(self) -> None:
        """Forget all that was added."""
        self.mean.reset()

    def add(self, terms: LossTerms, batch: CaptionBatch) -> None:
        """Add the captions of a batch; all of them redraw their image where any does."""
        samples = self.loss.samples(terms)
        self.mean.to(terms.caption_N.device).update(samples, batch.image_ids_B, batch.image_of_caption_N)

    def report(self, step: int, device: torch.device) -> LossReport | None:
        """Return the loss over all processes as it counts at training step `step`; None where no caption was added."""
        mean = self.mean.to(device).compute()
        return None if mean is None else self.loss.report(mean, step)
