"""Lets TensorBoard's projector turn the styles of human captions around.

Shape legend: B images, N captions, M some of a batch, S style, T side of a thumbnail.
"""

from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer

from callbacks.evaluation_callback import EvaluationCallback
from callbacks.first_codes import Codes, FirstCodes
from callbacks.projector_files import Point, add_embedding
from callbacks.shown_images import images_of, is_shown, split_of, writer_of
from datamodules.batch import CaptionBatch
from lightning_modules import CaptioningModule, EvaluationOutput
from lightning_modules.losses.terms import to_unit_interval
from utils.lightning_internals import figures_step
from utils.require import require

TAG = "val_style"
THUMBNAIL = 48  # pixels


class LatentProjector(EvaluationCallback):
    """Writes the posterior means of human captions, with the captions and thumbnails of their images, as files.

    It does so at the end of training, from the last validation: they are files of their own beside TensorBoard's.

    Args:
        num_images: How many images, those of the lowest ids; each with all of its captions.
        every_n_validations: Write them after each so many validations, too; None for the end alone.

    Raises:
        ValueError: A number is below 1.
    """

    def __init__(self, num_images: int = 40, every_n_validations: int | None = None) -> None:
        require(num_images >= 1, "callbacks.latent_projector.num_images", "at least 1", num_images)
        require(
            every_n_validations is None or every_n_validations >= 1,
            "callbacks.latent_projector.every_n_validations",
            "at least 1 (or null for the end alone)",
            every_n_validations,
        )
        self.every_n_validations = every_n_validations
        self.codes = FirstCodes(num_images)
        self.num_validations = 0
        self.unwritten: tuple[int, Codes] | None = None

    def observe(
        self, trainer: Trainer, captioner: CaptioningModule, output: EvaluationOutput, batch: CaptionBatch
    ) -> None:
        if output.latents is not None and is_shown(trainer, captioner) and trainer.state.fn == "fit":
            chosen_M = self.codes.choose(batch)
            mean_MS = output.latents.style.posterior.mean[chosen_M]
            self.codes.to(captioner.device).update(mean_MS, chosen_M, batch)

    def conclude(self, trainer: Trainer, captioner: CaptioningModule, stage: str) -> None:
        if not is_shown(trainer, captioner) or trainer.state.fn != "fit":
            return
        self.unwritten = figures_step(trainer), self.codes.compute()
        self.num_validations += 1
        if self.every_n_validations is not None and self.num_validations % self.every_n_validations == 0:
            self._write(trainer)

    def forget(self) -> None:
        self.codes.reset()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._write(trainer)

    def state_dict(self) -> dict[str, Any]:
        return {"num_validations": self.num_validations}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.num_validations = state_dict["num_validations"]

    def _write(self, trainer: Trainer) -> None:
        """Write what the last validation has found, unless that is done; the first process does."""
        if self.unwritten is None or not trainer.is_global_zero:
            return
        step, codes = self.unwritten
        split = split_of(trainer, "val")
        points, thumbnails = [], []
        for number in images_of(split, [*dict.fromkeys(codes.image_ids)]):
            images_13HW = split.load_image(number).unsqueeze(0)
            thumbnails += [to_unit_interval(images_13HW, THUMBNAIL)] * len(split.captions[number])
            points += [Point(caption, str(split.image_names[number])) for caption in split.captions[number]]
        add_embedding(writer_of(trainer), TAG, step, codes.code_NX, points, torch.cat(thumbnails))
        self.unwritten = None
