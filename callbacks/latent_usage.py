"""Watches whether the codes are used, or have collapsed."""

from pytorch_lightning import Trainer

from callbacks.evaluation_callback import EvaluationCallback
from datamodules.batch import CaptionBatch
from lightning_modules import CaptioningModule, EvaluationOutput
from metrics import LatentStatistics


class LatentUsage(EvaluationCallback):
    """Logs active units and mutual information of both codes under `val/latents/` and `test/latents/`.

    The posteriors are those of the loss, which have seen whatever they see in training.
    """

    runs_in_sanity_check = True

    def __init__(self) -> None:
        self.statistics = {name: LatentStatistics(name) for name in ("style", "content")}

    def observe(
        self,
        trainer: Trainer,
        captioner: CaptioningModule,
        output: EvaluationOutput,
        batch: CaptionBatch,
        batch_idx: int,
        stage: str,
    ) -> None:
        if output.latents is None:
            return
        for name, statistics in self.statistics.items():
            code = getattr(output.latents, name)
            posterior = code.posterior.as_gaussian()
            statistics.to(captioner.device).update(
                posterior.mean,
                posterior.log_variance,
                code.sample,
                batch.image_ids_B,
                batch.image_of_caption_N,
            )

    def conclude(self, trainer: Trainer, captioner: CaptioningModule, stage: str) -> None:
        if not captioner.has_latents:
            return
        for statistics in self.statistics.values():
            for name, value in statistics.compute().items():
                captioner.log(f"{stage}/latents/{name}", value)

    def forget(self) -> None:
        for statistics in self.statistics.values():
            statistics.reset()
