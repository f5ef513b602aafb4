"""Validation and test with a loss: steps in which no process waits for another, figures at the end."""

import logging
import warnings
from typing import Any, Literal

import torch

from datamodules.batch import CaptionBatch
from lightning_modules.base import CaptioningModule
from lightning_modules.losses import LossReport, LossTerms, VAELoss
from metrics import MeanOverCaptions

log = logging.getLogger(__name__)

# A metric's value is already that of all processes: Lightning need not average it once more.
warnings.filterwarnings("ignore", message=r"It is recommended to use `self\.log\(.*sync_dist=True\)`")
# Repeated images, by which a distributed sampler fills up, count once.
warnings.filterwarnings("ignore", message="Using `DistributedSampler` with the dataloaders")


class SplitLoss:
    """Gathers the terms of each caption over an evaluation, and makes the loss of their means.

    Each caption of the split counts once, on any number of processes and in batches of any size, and what the loss
    takes of means, such as free bits, is of the means over the split. Processes exchange nothing before the end, so
    that one without a readable image keeps none waiting.

    Args:
        loss: The VAE-loss.
        reconstructs: Whether images are reconstructed.
    """

    def __init__(self, loss: VAELoss, *, reconstructs: bool) -> None:
        none_N, none_NZ = torch.empty(0), torch.empty(0, 0)
        of_no_caption = LossTerms(
            caption_N=none_N,
            smoothed_N=none_N,
            reconstruction_R=none_N if reconstructs else None,
            kl_style_NZ=none_NZ,
            kl_content_NZ=none_NZ,
            extra=dict.fromkeys(loss.terms, none_N),
        )
        self.loss = loss
        self.mean = MeanOverCaptions([*loss.samples(of_no_caption)])  # names that all processes know

    def reset(self) -> None:
        """Forget all that was added."""
        self.mean.reset()

    def add(self, terms: LossTerms, batch: CaptionBatch) -> None:
        """Add the captions of a batch; all of them reconstruct their image where any does."""
        samples = self.loss.samples(terms)
        self.mean.to(terms.caption_N.device).update(samples, batch.image_ids_B, batch.image_of_caption_N)

    def report(self, step: int, device: torch.device) -> LossReport | None:
        """Return the loss over all processes as it counts at training step `step`; None where no caption was added."""
        mean = self.mean.to(device).compute()
        return None if mean is None else self.loss.report(mean, step)


class SplitEvaluation(CaptioningModule):
    """Logs the loss of the split that was evaluated: the total, its terms in nats, and its contributions.

    Weights that follow a schedule are those of the step that the model was trained to: where a checkpoint is tested,
    those of the checkpoint's step, whatever training it comes from or came to afterwards.

    Attributes:
        split_loss: What `evaluate` adds to, which a family overrides.
    """

    split_loss: SplitLoss
    _trained_steps: int | None = None

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self._trained_steps = checkpoint["global_step"]

    def on_train_end(self) -> None:
        self._trained_steps = self.global_step

    def on_validation_epoch_start(self) -> None:
        self.split_loss.reset()

    def on_test_epoch_start(self) -> None:
        self.split_loss.reset()

    def on_validation_epoch_end(self) -> None:
        self._log_split_loss("val")

    def on_test_epoch_end(self) -> None:
        self._log_split_loss("test")

    def _log_split_loss(self, stage: Literal["val", "test"]) -> None:
        trained_steps = None if self.trainer.state.fn == "fit" else self._trained_steps
        report = self.split_loss.report(self.global_step if trained_steps is None else trained_steps, self.device)
        self.split_loss.reset()
        if report is None:
            self._report_no_images(stage)
        else:
            self.log(f"{stage}/loss", report.total, prog_bar=True)
            self.log_dict(report.named(stage))

    def _report_no_images(self, stage: Literal["val", "test"]) -> None:
        """Say in one line why there are no figures.

        Raises:
            ValueError: Training goes by them.
        """
        if self.trainer.sanity_checking:  # of a few batches, whose figures nobody sees
            return
        problem = f"none of the {stage} images could be read, so there are no figures of them"
        if self.trainer.state.fn == "fit":
            raise ValueError(
                f"{problem}, which checkpoints go by; bring the images back and go on with resume=, or train without "
                f"validation (trainer.limit_val_batches=0)"
            )
        if self.trainer.is_global_zero:
            log.warning("%s", problem)
