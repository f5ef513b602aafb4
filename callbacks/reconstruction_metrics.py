"""Measures how like the originals the images are that the model redraws from its own captions."""

from pytorch_lightning import Trainer

from callbacks.evaluation_callback import EvaluationCallback
from callbacks.reconstructions import redraw_from_first_captions
from datamodules.batch import CaptionBatch
from lightning_modules import EvaluationOutput, VariationalCaptioner
from lightning_modules.losses.terms import to_unit_interval
from metrics import ReconstructionQuality


class ReconstructionMetrics(EvaluationCallback):
    """Logs PSNR and SSIM under `val/` and `test/` where the model redraws images.

    Each image counts as redrawn from the words of its first caption, at the size at which it is drawn.
    """

    rehearses = True

    def __init__(self) -> None:
        self.quality = ReconstructionQuality()

    def observe(
        self,
        trainer: Trainer,
        captioner: VariationalCaptioner,
        output: EvaluationOutput,
        batch: CaptionBatch,
        batch_idx: int,
        stage: str,
    ) -> None:
        if captioner.draws:
            redrawn_BCHW = redraw_from_first_captions(captioner, output["descriptions"])
            originals_BCHW = to_unit_interval(batch.images_BCHW, size=redrawn_BCHW.shape[-1])
            self.quality.to(captioner.device).update(redrawn_BCHW, originals_BCHW, batch.image_ids_B)

    def conclude(self, trainer: Trainer, captioner: VariationalCaptioner, stage: str) -> None:
        if captioner.draws:
            for name, value in self.quality.compute().items():
                captioner.log(f"{stage}/{name}", value.float())

    def forget(self) -> None:
        self.quality.reset()
