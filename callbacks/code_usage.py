"""Watches whether the codes of images are used, or have collapsed."""

import logging
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger

from callbacks.descriptions import add_picture
from callbacks.evaluation_callback import EvaluationCallback
from datamodules.batch import CaptionBatch
from lightning_modules import CodedImages, EvaluatedModule
from metrics import CodeStatistics
from pictures.code_usage import draw_code_usage
from utils.lightning_internals import figures_step

log = logging.getLogger(__name__)

ABOUT = (
    "The share of each code, the most frequent first, and how many codes each position of the grid has (perplexity)."
)
COLLAPSED = 2.0  # perplexity: fewer than two equally frequent codes
WARM_UP = 100  # steps before which that is no wonder


class CodeUsage(EvaluationCallback):
    """Logs how the codes of a split's images are used under `val/codes/` and `test/codes/` (see `CodeFigures.named`).

    A picture in TensorBoard shows the share of each code, the most frequent first, and the perplexity of each position
    of the grid. Where the perplexity is below 2 after 100 steps, a warning says so once.
    """

    observes = (CodedImages,)
    runs_in_sanity_check = True

    def __init__(self) -> None:
        self.statistics = CodeStatistics()
        self._grid_size: tuple[int, int] | None = None
        self._has_warned = False

    def observe(
        self, trainer: Trainer, module: EvaluatedModule, output: CodedImages | Any, batch: CaptionBatch
    ) -> None:
        self._grid_size = output.grid_size
        self.statistics.to(module.device).update(output.codes_BP, output.num_codes, batch.image_ids_B)

    def conclude(self, trainer: Trainer, module: EvaluatedModule, stage: str) -> None:
        figures = self.statistics.compute()
        named = figures.named()
        for name, value in named.items():
            module.log(f"{stage}/codes/{name}", value.float())
        if not trainer.is_global_zero or trainer.sanity_checking:
            return
        self._warn(trainer, float(named["perplexity"]))
        if isinstance(trainer.logger, TensorBoardLogger) and self._grid_size is not None:
            title = f"{named['used']:.0%} of {len(figures.usage_K)} codes used, perplexity {named['perplexity']:.0f}"
            picture_3HW = draw_code_usage(figures.usage_K, figures.perplexity_P.view(self._grid_size), title)
            add_picture(trainer.logger.experiment, f"{stage}/codes", picture_3HW, figures_step(trainer), ABOUT)

    def forget(self) -> None:
        self.statistics.reset()

    def _warn(self, trainer: Trainer, perplexity: float) -> None:
        if perplexity < COLLAPSED and figures_step(trainer) >= WARM_UP and not self._has_warned:
            self._has_warned = True
            log.warning(
                "the codes have a perplexity of %.2f after %d steps: nearly all positions of all images have the same "
                "one; lower model.optimizer.lr, or the weight of the quantizer's cost",
                perplexity, figures_step(trainer),
            )  # fmt: skip
