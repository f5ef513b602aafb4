"""Scores the captions that validation and test steps generate."""

import logging
from collections.abc import Mapping
from itertools import chain

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor

from callbacks.evaluation_callback import EvaluationCallback
from datamodules.batch import CaptionBatch
from lightning_modules import CaptioningModule, EvaluationOutput
from metrics import CaptionScore, JavaError
from metrics.words import note_on_spaces

log = logging.getLogger(__name__)

IN_PROGRESS_BAR = ("rouge_score/rougeL", "coco/CIDEr-D", "caption_truth")


class CaptionMetrics(EvaluationCallback):
    """Logs each metric under `val/` and `test/`, exact on any number of processes.

    Args:
        metrics: What to measure; the keys are for the reader of the config, each metric names its own results.
    """

    runs_in_sanity_check = True

    def __init__(self, metrics: Mapping[str, CaptionScore]) -> None:
        self.metrics = dict(metrics)
        self._references: list[str] = []
        self._knows_spaces = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if isinstance(pl_module, CaptioningModule):
            refuse_single_captions(self.metrics, pl_module.strategy.num)

    def observe(
        self, trainer: Trainer, captioner: CaptioningModule, output: EvaluationOutput, batch: CaptionBatch
    ) -> None:
        for metric in self.metrics.values():
            metric.to(captioner.device).update(output.generated.captions, batch.references, batch.image_ids_B)
        if not self._knows_spaces:
            self._references += chain.from_iterable(batch.references)

    def conclude(self, trainer: Trainer, captioner: CaptioningModule, stage: str) -> None:
        for key, metric in self.metrics.items():
            for name, value in self._compute(key, metric, stage).items():
                captioner.log(f"{stage}/{name}", value.float(), prog_bar=name in IN_PROGRESS_BAR)
        self._tell_of_spaces(stage)

    def forget(self) -> None:
        self._references = []
        for metric in self.metrics.values():
            metric.reset()

    def _tell_of_spaces(self, stage: str) -> None:
        """Say once what the scores of captions without spaces between words are."""
        note = None if self._knows_spaces else note_on_spaces(self._references)
        self._knows_spaces = True
        if note is not None:
            rank_zero_only(log.warning)("%s: %s", stage, note)

    def _compute(self, key: str, metric: CaptionScore, stage: str) -> Mapping[str, Tensor]:
        """Return a metric's results; none, and a warning, if its Java program fails: that is no reason to end a run."""
        try:
            return metric.compute()
        except JavaError as error:
            log.warning("%s: metrics.%s is left out of this evaluation: %s", stage, key, error)
            return {}


def refuse_single_captions(metrics: Mapping[str, CaptionScore], num: int) -> None:
    """Refuse metrics of several captions where one is generated for an image.

    Args:
        metrics: By their names in the config.
        num: Captions of an image.

    Raises:
        ValueError: A metric compares an image's captions, and there is one.
    """
    several = [name for name, metric in metrics.items() if getattr(metric, "needs_several", False)]
    if several and num < 2:
        raise ValueError(
            f"metrics.{several[0]}: expected several captions of each image, got {num}; choose generation=sample or "
            f"generation=latent, or leave {', '.join(several)} out (metrics=default)"
        )
