"""Measures how like the originals the images are that the model reconstructs from its own captions.

Shape legend: B images, C channels, H rows, W columns.
"""

from typing import Any

from pytorch_lightning import Trainer

from callbacks.evaluation_callback import EvaluationCallback
from callbacks.reconstructions import reconstruct_from_first_captions
from datamodules.batch import CaptionBatch
from lightning_modules import CaptioningModule, EvaluationOutput
from lightning_modules.losses.terms import to_unit_interval
from metrics import ReconstructionFacts, ReconstructionQuality


class ReconstructionMetrics(EvaluationCallback):
    """Logs PSNR and SSIM under `val/` and `test/` where the model reconstructs images.

    Each image counts as reconstructed from the words of its first caption, at the size at which it is drawn. Where the
    data set can tell what a picture shows (`CaptionDataModule.read_back`), so are `metrics.ReconstructionFacts`.
    """

    runs_in_sanity_check = True

    def __init__(self) -> None:
        self.quality = ReconstructionQuality()
        self.facts = ReconstructionFacts()

    def observe(
        self,
        trainer: Trainer,
        captioner: CaptioningModule,
        output: EvaluationOutput,
        batch: CaptionBatch,
        batch_idx: int,
        stage: str,
    ) -> None:
        if captioner.can_reconstruct:
            reconstruction_BCHW = reconstruct_from_first_captions(captioner, output.generated)
            originals_BCHW = to_unit_interval(batch.images_BCHW, size=reconstruction_BCHW.shape[-1])
            self.quality.to(captioner.device).update(reconstruction_BCHW, originals_BCHW, batch.image_ids_B)
            datamodule = _that_reads_back(trainer)
            if datamodule is not None:
                pictures = datamodule.read_back(reconstruction_BCHW)
                first = [captions[0] for captions in output.generated.captions]
                self.facts.to(captioner.device).update(pictures, batch.image_ids_B, first)

    def conclude(self, trainer: Trainer, captioner: CaptioningModule, stage: str) -> None:
        if captioner.can_reconstruct:
            results = self.quality.compute()
            if _that_reads_back(trainer) is not None:
                results |= self.facts.compute()
            for name, value in results.items():
                captioner.log(f"{stage}/{name}", value.float())

    def forget(self) -> None:
        self.quality.reset()
        self.facts.reset()


def _that_reads_back(trainer: Trainer) -> Any:
    """Return the datamodule if it can tell what pictures show, otherwise None: the same on all processes."""
    datamodule = getattr(trainer, "datamodule", None)
    return datamodule if datamodule is not None and datamodule.fact_attributes() else None
