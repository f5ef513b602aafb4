"""Measures how like the originals the images are that the model makes: of its own captions, or of codes.

Shape legend: B images, C channels, H rows, W columns.
"""

from typing import Any

from pytorch_lightning import Trainer
from torch import Tensor

from callbacks.evaluation_callback import EvaluationCallback
from datamodules.batch import CaptionBatch
from lightning_modules import CodedImages, EvaluatedModule, EvaluationOutput
from lightning_modules.losses.terms import to_unit_interval
from metrics import ReconstructionFacts, ReconstructionQuality


class ReconstructionMetrics(EvaluationCallback):
    """Logs PSNR and SSIM under `val/` and `test/` where the model makes images.

    A model that captions images reconstructs each from the words of its first caption, at the size at which it is
    drawn. Of codes it is their image. Where the decoder reads more than codes in training, those images are measured,
    too: `relaxed/PSNR`, and how much better it is, `relaxed/gap`. Where the data set can tell what a picture shows
    (`CaptionDataModule.read_back`), so are `metrics.ReconstructionFacts`.
    """

    observes = (EvaluationOutput, CodedImages)
    runs_in_sanity_check = True

    def __init__(self) -> None:
        self.quality = ReconstructionQuality()
        self.relaxed = ReconstructionQuality()
        self.facts = ReconstructionFacts()

    def observe(
        self, trainer: Trainer, module: EvaluatedModule, output: EvaluationOutput | CodedImages, batch: CaptionBatch
    ) -> None:
        if not module.can_reconstruct:
            return
        images_BCHW = module.reconstructions(output)
        originals_BCHW = to_unit_interval(batch.images_BCHW, size=images_BCHW.shape[-1])
        self.quality.to(module.device).update(images_BCHW, originals_BCHW, batch.image_ids_B)
        self._read_back(trainer, images_BCHW, output, batch)
        if isinstance(output, CodedImages) and output.relaxed_BCHW is not None:
            self.relaxed.to(module.device).update(output.relaxed_BCHW, originals_BCHW, batch.image_ids_B)

    def conclude(self, trainer: Trainer, module: EvaluatedModule, stage: str) -> None:
        if not module.can_reconstruct:
            return
        quality = self.quality.compute()
        facts = {} if _datamodule_that_reads(trainer) is None else self.facts.compute()
        for name, value in {**quality, **facts}.items():
            module.log(f"{stage}/{name}", value.float())
        if trainer.strategy.reduce_boolean_decision(bool(self.relaxed.rows), all=False):  # on any process
            relaxed = self.relaxed.compute()["PSNR"]
            module.log(f"{stage}/relaxed/PSNR", relaxed.float())
            module.log(f"{stage}/relaxed/gap", (relaxed - quality["PSNR"]).float())

    def forget(self) -> None:
        self.quality.reset()
        self.relaxed.reset()
        self.facts.reset()

    def _read_back(
        self, trainer: Trainer, images_BCHW: Tensor, output: EvaluationOutput | CodedImages, batch: CaptionBatch
    ) -> None:
        """Compare what the images show with what they should: their originals, and the captions that they are of."""
        datamodule = _datamodule_that_reads(trainer)
        if datamodule is None:
            return
        captions = None
        if isinstance(output, EvaluationOutput):
            captions = [of_image[0] for of_image in output.generated.captions]
        self.facts.to(images_BCHW.device).update(datamodule.read_back(images_BCHW), batch.image_ids_B, captions)


def _datamodule_that_reads(trainer: Trainer) -> Any:
    """Return the datamodule if it can tell what pictures show, otherwise None: the same on all processes."""
    datamodule = getattr(trainer, "datamodule", None)
    return datamodule if datamodule is not None and datamodule.fact_attributes() else None
