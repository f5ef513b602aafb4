"""The loss in logs: of training steps, and of a whole split, for which no process waits for another until its end."""

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from lightning_modules.base import EvaluatedModule
from lightning_modules.losses import LossReport
from metrics import MeanOverCaptions

log = logging.getLogger(__name__)

# A metric's value is already that of all processes: Lightning need not average it once more.
warnings.filterwarnings("ignore", message=r"It is recommended to use `self\.log\(.*sync_dist=True\)`")
# Repeated images, by which a distributed sampler fills up, count once.
warnings.filterwarnings("ignore", message="Using `DistributedSampler` with the dataloaders")


class SplitLoss:
    """Gathers the terms of each sample over an evaluation, and makes the loss of their means.

    Each sample of the split counts once, on any number of processes and in batches of any size, and what the loss
    takes of means, such as free bits, is of the means over the split. Processes exchange nothing before the end, so
    that one without a readable image keeps none waiting.

    Args:
        names: The terms, in order: the same on all processes.
        report: Makes the loss of their means, as it counts at a training step.
    """

    def __init__(self, names: Sequence[str], report: Callable[[Mapping[str, Tensor], int], LossReport]) -> None:
        self.mean = MeanOverCaptions(names)
        self._report = report

    def reset(self) -> None:
        """Forget all that was added."""
        self.mean.reset()

    def add(self, samples: Mapping[str, Tensor], image_ids_B: Tensor, image_of_row_N: Tensor | None = None) -> None:
        """Add all samples of some images.

        Args:
            samples: The terms by name, [N] or [N, ...].
            image_ids_B: The images' ids.
            image_of_row_N: For each sample the row of its image; None where each image is one.
        """
        device = next(iter(samples.values())).device
        rows_N = torch.arange(len(image_ids_B), device=device) if image_of_row_N is None else image_of_row_N
        self.mean.to(device).update(samples, image_ids_B, rows_N)

    def report(self, step: int, device: torch.device) -> LossReport | None:
        """Return the loss over all processes as it counts at training step `step`; None where no sample was added."""
        mean = self.mean.to(device).compute()
        return None if mean is None else self._report(mean, step)


class SplitEvaluation(EvaluatedModule):
    """Logs the loss of training steps and of splits: the total, its terms in nats, and its contributions.

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

    def log_training_loss(self, report: LossReport, num_images: int, more: Mapping[str, Tensor] | None = None) -> None:
        """Log the loss of a training step.

        Args:
            report: The loss.
            num_images: How many images it is of.
            more: Further figures of the step, by their names in logs.
        """
        self.log("train/loss", report.total, prog_bar=True, batch_size=num_images)
        weights = {f"weight/{name}": torch.tensor(value) for name, value in report.weights.items()}
        self.log_dict({**weights, **report.named("train"), **(more or {})}, batch_size=num_images)

    @property
    def evaluated_step(self) -> int:
        """The training step at which all that follows a schedule is evaluated."""
        is_trained = self._trainer is not None and self._trainer.state.fn == "fit"
        return self.global_step if is_trained or self._trained_steps is None else self._trained_steps

    def _log_split_loss(self, stage: Literal["val", "test"]) -> None:
        report = self.split_loss.report(self.evaluated_step, self.device)
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
