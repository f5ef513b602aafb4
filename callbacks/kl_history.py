"""Shows how much each dimension of the codes carries, over all of training.

Shape legend: Z dimensions, V validations.
"""

from typing import Any

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger

from callbacks.descriptions import add_picture
from callbacks.evaluation_callback import EvaluationCallback
from datamodules.batch import CaptionBatch
from lightning_modules import CaptioningModule, EvaluationOutput
from metrics import MeanOverCaptions
from pictures.heat_map import draw_kl_heat_map
from utils.lightning_internals import figures_step

CODES = ("style", "content")
ABOUT = "How much each dimension of the {} code carries: its KL in nats, a row each, a column for each validation."


class KLHistory(EvaluationCallback):
    """Writes a heat map of each code at each validation: a row a dimension, a column a validation, the KL in colours.

    It is the mean KL[posterior ‖ prior] over the captions of the split, as if both were Gaussians. What was measured is
    kept in checkpoints, so that a run that goes on shows all of it.
    """

    def __init__(self) -> None:
        self.kl = MeanOverCaptions(CODES)
        self.history: dict[int, dict[str, torch.Tensor]] = {}

    def observe(
        self, trainer: Trainer, captioner: CaptioningModule, output: EvaluationOutput, batch: CaptionBatch
    ) -> None:
        if output.latents is not None and _is_measured(trainer):
            kl_of_codes = {name: getattr(output.latents, name).kl_of_dimensions for name in CODES}
            self.kl.to(captioner.device).update(kl_of_codes, batch.image_ids_B, batch.image_of_caption_N)

    def conclude(self, trainer: Trainer, captioner: CaptioningModule, stage: str) -> None:
        if not captioner.has_latents or not _is_measured(trainer):
            return
        means = self.kl.compute()
        assert means is not None, "some process has a caption"
        self.history[figures_step(trainer)] = {
            name: torch.atleast_1d(mean_Z).float().cpu() for name, mean_Z in means.items()
        }
        if trainer.is_global_zero and isinstance(trainer.logger, TensorBoardLogger):
            for name in CODES:
                kl_ZV = torch.stack([of_codes[name] for of_codes in self.history.values()], dim=1)
                total = f"KL of {name}: {kl_ZV[:, -1].sum():.2f} nats"
                picture_3HW = draw_kl_heat_map(kl_ZV, [*self.history], total)
                writer = trainer.logger.experiment
                add_picture(writer, f"{stage}/kl_{name}", picture_3HW, figures_step(trainer), ABOUT.format(name))

    def forget(self) -> None:
        self.kl.reset()

    def state_dict(self) -> dict[str, Any]:
        return {"history": self.history}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.history = state_dict["history"]


def _is_measured(trainer: Trainer) -> bool:
    return trainer.state.fn == "fit"
