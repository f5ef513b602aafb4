"""Shows images beside what the model redraws from its own captions of them.

Shape legend: B images, C channels, H rows, W columns.
"""

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor
from torchvision.utils import make_grid

from callbacks.evaluation_callback import EvaluationCallback
from callbacks.fit_progress import figures_step
from datamodules.batch import CaptionBatch
from lightning_modules import Descriptions, EvaluationOutput, VariationalCaptioner
from lightning_modules.losses.terms import to_unit_interval


class Reconstructions(EvaluationCallback):
    """Writes a picture to TensorBoard: originals above, below each the image redrawn from its first caption's words.

    Args:
        num_images: How many images, from the first batch of each evaluation.
    """

    def __init__(self, num_images: int = 8) -> None:
        self.num_images = num_images

    def observe(
        self,
        trainer: Trainer,
        captioner: VariationalCaptioner,
        output: EvaluationOutput,
        batch: CaptionBatch,
        batch_idx: int,
        stage: str,
    ) -> None:
        if batch_idx > 0 or not captioner.draws or not isinstance(trainer.logger, TensorBoardLogger):
            return
        redrawn_BCHW = redraw_from_first_captions(captioner, output["descriptions"], self.num_images)
        picture_CHW = side_by_side(batch.images_BCHW[: self.num_images], redrawn_BCHW)
        trainer.logger.experiment.add_image(f"{stage}/reconstructions", picture_CHW, figures_step(trainer))


def redraw_from_first_captions(
    captioner: VariationalCaptioner, said: Descriptions, num_images: int | None = None
) -> Tensor:
    """Return the first images of a batch, all for None, redrawn from their first captions' words: [B, C, H, W]."""
    captions_per_image = len(said.captions[0])
    return captioner.redraw(said.tokens_NL[::captions_per_image][:num_images])


def side_by_side(originals_BCHW: Tensor, redrawn_BCHW: Tensor) -> Tensor:
    """Return one picture [C, H, W] in [0, 1]: a row of `uint8` originals above a row of redrawn images."""
    size = redrawn_BCHW.shape[-1]
    rows = torch.cat([to_unit_interval(originals_BCHW, size), redrawn_BCHW]).float().cpu()
    return make_grid(rows, nrow=len(redrawn_BCHW), padding=2, pad_value=1.0)
