"""Measures how like the originals the images are that the model reconstructs from its own captions."""

from pytorch_lightning import Trainer

from callbacks.evaluation_callback import EvaluationCallback
from callbacks.reconstructions import reconstruct_from_first_captions
from datamodules.batch import CaptionBatch
from lightning_modules import CaptioningModule, EvaluationOutput
from lightning_modules.losses.terms import to_unit_interval
from metrics import ReconstructionQuality


class ReconstructionMetrics(EvaluationCallback):
    """Logs PSNR and SSIM under `val/` and `test/` where the model reconstructs images.

    Each image counts as reconstructed from the words of its first caption, at the size at which it is drawn.
    """

    runs_in_sanity_check = True

    def __init__(self) -> None:
        self.quality = ReconstructionQuality()

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

    def conclude(self, trainer: Trainer, captioner: CaptioningModule, stage: str) -> None:
        if captioner.can_reconstruct:
            for name, value in self.quality.compute().items():
                captioner.log(f"{stage}/{name}", value.float())

    def forget(self) -> None:
        self.quality.reset()
