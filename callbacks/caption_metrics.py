"""Scores the captions that validation and test steps say."""

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol, Self

import torch
from pytorch_lightning import Trainer
from torch import Tensor

from callbacks.evaluation_callback import EvaluationCallback
from datamodules.batch import CaptionBatch
from lightning_modules import EvaluationOutput, VariationalCaptioner
from metrics import JavaError

log = logging.getLogger(__name__)

IN_PROGRESS_BAR = ("rougeL", "CIDEr-D", "caption_truth")


class CaptionScore(Protocol):
    """What `metrics.PerImageMetric` and `metrics.CaptionMetric` have in common."""

    def to(self, device: torch.device) -> Self: ...

    def update(
        self, candidates: Sequence[Sequence[str]], references: Sequence[Sequence[str]], image_ids: Tensor
    ) -> None: ...

    def compute(self) -> Mapping[str, Tensor]: ...

    def reset(self) -> None: ...


class CaptionMetrics(EvaluationCallback):
    """Logs each metric under `val/` and `test/`, exact on any number of processes.

    Args:
        metrics: What to measure; the keys are for the reader of the config, each metric names its own results.
    """

    def __init__(self, metrics: Mapping[str, CaptionScore]) -> None:
        self.metrics = dict(metrics)

    def observe(
        self,
        trainer: Trainer,
        captioner: VariationalCaptioner,
        output: EvaluationOutput,
        batch: CaptionBatch,
        batch_idx: int,
        stage: str,
    ) -> None:
        for metric in self.metrics.values():
            metric.to(captioner.device).update(output["descriptions"].captions, batch.references, batch.image_ids_B)

    def conclude(self, trainer: Trainer, captioner: VariationalCaptioner, stage: str) -> None:
        for key, metric in self.metrics.items():
            for name, value in self._compute(key, metric, stage).items():
                captioner.log(f"{stage}/{name}", value.float(), prog_bar=name in IN_PROGRESS_BAR)

    def forget(self) -> None:
        for metric in self.metrics.values():
            metric.reset()

    def _compute(self, key: str, metric: CaptionScore, stage: str) -> Mapping[str, Tensor]:
        """Return a metric's results; none, and a warning, if its Java program fails: that is no reason to end a run."""
        try:
            return metric.compute()
        except JavaError as error:
            log.warning("%s: metrics.%s is left out of this evaluation: %s", stage, key, error)
            return {}
