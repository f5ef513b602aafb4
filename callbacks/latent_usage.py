"""Watches whether the codes are used, or have collapsed."""

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from datamodules.batch import CaptionBatch
from metrics import LatentStatistics


class LatentUsage(Callback):
    """Logs active units and mutual information of both codes under `val/latents/` and `test/latents/`.

    The posteriors are those of the loss, which have seen whatever they see in training.
    """

    def __init__(self) -> None:
        self.statistics = {name: LatentStatistics(name) for name in ("style", "content")}

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: CaptionBatch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if not trainer.sanity_checking:
            self._observe(pl_module, outputs)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: CaptionBatch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._observe(pl_module, outputs)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self._conclude(pl_module, "val")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._conclude(pl_module, "test")

    def _observe(self, captioner: LightningModule, outputs: Any) -> None:
        for name, statistics in self.statistics.items():
            code = getattr(outputs["latents"], name)
            statistics.to(captioner.device).update(code.posterior.mean, code.posterior.log_variance, code.sample)

    def _conclude(self, captioner: LightningModule, stage: str) -> None:
        for statistics in self.statistics.values():
            for name, value in statistics.compute().items():
                captioner.log(f"{stage}/latents/{name}", value)
            statistics.reset()
