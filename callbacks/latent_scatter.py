"""Shows where the styles of human captions lie among those that the prior expects.

Shape legend: N captions, M some of a batch, S style, X numbers of a caption, 2 axes of a plane.
"""

from typing import Any

import torch
from pytorch_lightning import Trainer
from torch import Tensor

from callbacks.descriptions import add_picture
from callbacks.evaluation_callback import EvaluationCallback
from callbacks.first_codes import FirstCodes
from callbacks.shown_images import is_shown, writer_of
from datamodules.batch import CaptionBatch
from lightning_modules import CaptioningModule, EvaluationOutput, seeds_of_images
from pictures.principal_axes import principal_plane
from pictures.scatter import draw_scatter
from utils.lightning_internals import figures_step
from utils.require import require
from utils.seeding import generators_of_images, of_captions, run_seed

ABOUT = (
    "Styles of human captions, and as many of the prior of the same images, in the plane where they vary most. A prior "
    "that fits covers what the captions of its images cover."
)


class LatentScatter(EvaluationCallback):
    """Writes a picture: samples of the posterior of human captions, and as many of the prior of the same images.

    Both are seen in the plane in which they vary most. Where the posterior reads captions, a code that is used lies
    apart for captions that differ; a prior that fits covers what the captions of its images cover.

    Args:
        num_images: How many images, those of the lowest ids; each with all of its captions.

    Raises:
        ValueError: It is none.
    """

    def __init__(self, num_images: int = 100) -> None:
        require(num_images >= 1, "callbacks.latent_scatter.num_images", "at least 1", num_images)
        self.codes = FirstCodes(num_images)
        self.axes_S2: Tensor | None = None

    def observe(
        self, trainer: Trainer, captioner: CaptioningModule, output: EvaluationOutput, batch: CaptionBatch
    ) -> None:
        if output.latents is None or not is_shown(trainer, captioner):
            return
        chosen_M = self.codes.choose(batch)
        if len(chosen_M):
            generators = generators_of_images(run_seed(), seeds_of_images(batch), "prior")
            style = output.latents.style.select(chosen_M)
            prior_MS = style.prior.sample(generators=of_captions(generators, batch.image_of_caption_N[chosen_M]))
            self.codes.to(captioner.device).update(torch.cat([style.sample, prior_MS], dim=1), chosen_M, batch)

    def conclude(self, trainer: Trainer, captioner: CaptioningModule, stage: str) -> None:
        if not is_shown(trainer, captioner):
            return
        image_ids, code_NX = self.codes.compute()
        posterior_NS, prior_NS = code_NX.chunk(2, dim=1)
        plane = principal_plane(torch.cat([posterior_NS, prior_NS]), self.axes_S2)
        self.axes_S2 = plane.axes_Z2
        if trainer.is_global_zero:
            title = f"styles of {len(image_ids)} captions of {len({*image_ids})} images"
            picture_3HW = draw_scatter(posterior_NS, prior_NS, image_ids, plane, title)
            add_picture(writer_of(trainer), f"{stage}/style_scatter", picture_3HW, figures_step(trainer), ABOUT)

    def forget(self) -> None:
        self.codes.reset()

    def state_dict(self) -> dict[str, Any]:
        return {"axes": self.axes_S2}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.axes_S2 = state_dict["axes"]
