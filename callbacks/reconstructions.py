"""Shows images beside those that the model makes of them: from its own captions, or from codes.

Shape legend: B images, R rows of a batch, C channels, H rows, W columns, X numbers of a pair of pictures.
"""

import math

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor
from torchvision.utils import make_grid

from callbacks.descriptions import add_picture
from callbacks.evaluation_callback import EvaluationCallback
from callbacks.shown_images import rows_of_first
from datamodules.batch import CaptionBatch
from lightning_modules import CodedImages, EvaluatedModule, EvaluationOutput
from lightning_modules.losses.terms import to_unit_interval
from metrics.rows_by_image import RowsByImage
from utils.lightning_internals import figures_step
from utils.require import require

ABOUT = "Above images, below each what the model makes of it: from the words of its own caption, or from codes."
PAIR = 2  # an image, and what is reconstructed of it


class Pairs(RowsByImage):
    """Pairs of pictures, by image; the same on any number of processes."""

    def __init__(self) -> None:
        super().__init__(torch.float32)

    def update(self, pairs_B2CHW: Tensor, image_ids_B: Tensor) -> None:
        """Add the pairs of some images."""
        self.add(image_ids_B, pairs_B2CHW.flatten(1))

    def compute(self) -> Tensor | None:
        """Return the pairs of the distinct images in the order of their ids, each as one row: [B, X]."""
        return self.distinct()


class Reconstructions(EvaluationCallback):
    """Writes a picture to TensorBoard: originals above, below each what the model makes of it.

    That is its reconstruction from the first caption's words, or the image of its codes.

    Args:
        num_images: How many images, those of the lowest ids: the same on any number of processes.

    Raises:
        ValueError: It is none.
    """

    observes = (EvaluationOutput, CodedImages)

    def __init__(self, num_images: int = 8) -> None:
        require(num_images >= 1, "callbacks.reconstructions.num_images", "at least 1", num_images)
        self.num_images = num_images
        self.pairs: dict[int, Tensor] = {}

    def observe(
        self, trainer: Trainer, module: EvaluatedModule, output: EvaluationOutput | CodedImages, batch: CaptionBatch
    ) -> None:
        if not module.can_reconstruct or not isinstance(trainer.logger, TensorBoardLogger):
            return
        ids = batch.image_ids_B.tolist()
        rows = rows_of_first(self.pairs, ids, self.num_images)
        if rows:
            reconstruction_RCHW = module.reconstructions(output, rows)
            originals_RCHW = to_unit_interval(batch.images_BCHW[rows], size=reconstruction_RCHW.shape[-1])
            pairs_R2CHW = torch.stack([originals_RCHW, reconstruction_RCHW], dim=1)
            self.pairs |= {ids[row]: pair_2CHW for row, pair_2CHW in zip(rows, pairs_R2CHW, strict=True)}
            self.pairs = {image_id: self.pairs[image_id] for image_id in sorted(self.pairs)[: self.num_images]}

    def conclude(self, trainer: Trainer, module: EvaluatedModule, stage: str) -> None:
        if not module.can_reconstruct or not isinstance(trainer.logger, TensorBoardLogger):
            return
        gathered = Pairs().to(module.device)
        if self.pairs:
            gathered.update(torch.stack([*self.pairs.values()]), torch.tensor([*self.pairs]))
        pairs_BX = gathered.compute()
        assert pairs_BX is not None
        picture_CHW = side_by_side(pairs_BX[: self.num_images])
        add_picture(trainer.logger.experiment, f"{stage}/reconstructions", picture_CHW, figures_step(trainer), ABOUT)

    def forget(self) -> None:
        self.pairs = {}


def side_by_side(pairs_BX: Tensor) -> Tensor:
    """Return one picture [C, H, W] of pairs of square RGB pictures in [0, 1]: the second ones below the first."""
    size = math.isqrt(pairs_BX.shape[1] // (PAIR * 3))
    rows = pairs_BX.view(-1, PAIR, 3, size, size).transpose(0, 1).flatten(0, 1)
    return make_grid(rows.cpu(), nrow=len(pairs_BX), padding=2, pad_value=1.0)
