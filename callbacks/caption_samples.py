"""Shows the captions that the model generates for a few images, beside human references."""

from collections.abc import Sequence

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger

from callbacks.descriptions import add_table
from callbacks.evaluation_callback import EvaluationCallback
from datamodules.batch import CaptionBatch
from lightning_modules import CaptioningModule, EvaluationOutput
from metrics import GatheredCaptions, ImageCaptions
from metrics.words import on_one_line
from pictures.markdown import as_it_is, table
from utils.lightning_internals import figures_step
from utils.progress import tell
from utils.require import require

ABOUT = "What the model says of a few images, the same at each validation, and what people said."


class CaptionSamples(EvaluationCallback):
    """Writes the captions of the first images of each split to TensorBoard's text tab, as a table.

    Those of the first of them are printed after each validation, so that one sees them improve.

    Args:
        num_images: How many images, those of the lowest ids: the same on any number of processes.
        num_printed: How many of these are printed, at most.

    Raises:
        ValueError: There is no image, or less than none is to be printed.
    """

    def __init__(self, num_images: int = 8, num_printed: int = 3) -> None:
        require(num_images >= 1, "callbacks.samples.num_images", "at least 1", num_images)
        require(num_printed >= 0, "callbacks.samples.num_printed", "0 or more", num_printed)
        self.num_images = num_images
        self.num_printed = num_printed
        self.samples: list[ImageCaptions] = []

    def observe(
        self, trainer: Trainer, captioner: CaptioningModule, output: EvaluationOutput, batch: CaptionBatch
    ) -> None:
        rows = zip(batch.image_ids_B.tolist(), output.generated.captions, batch.references, strict=True)
        samples = [*self.samples, *(ImageCaptions(*row) for row in rows)]
        self.samples = sorted(samples, key=lambda image: image.image_id)[: self.num_images]

    def conclude(self, trainer: Trainer, captioner: CaptioningModule, stage: str) -> None:
        num_printed = self.num_printed if stage == "val" else 0
        if num_printed or isinstance(trainer.logger, TensorBoardLogger):
            gathered = GatheredCaptions().to(captioner.device)
            gathered.update(
                [image.candidates for image in self.samples],
                [image.references for image in self.samples],
                torch.tensor([image.image_id for image in self.samples]),
            )
            samples = gathered.compute()[: self.num_images]
            if isinstance(trainer.logger, TensorBoardLogger):
                writer = trainer.logger.experiment
                add_table(writer, f"{stage}/captions", as_markdown_table(samples), figures_step(trainer), ABOUT)
            if num_printed and trainer.is_global_zero:
                tell(as_lines(samples[:num_printed], trainer))

    def forget(self) -> None:
        self.samples = []


def as_lines(samples: Sequence[ImageCaptions], trainer: Trainer) -> str:
    """Return the first caption of each image, with whether it is true where the data know that, and a human one."""
    lines = [
        f"\ncaptions of validation images after {trainer.global_step:,} steps, in epoch {trainer.current_epoch + 1}"
    ]
    is_true = getattr(getattr(trainer, "datamodule", None), "is_true", lambda caption, image_id: None)
    for sample in samples:
        mark = {True: " (true)", False: " (not true)", None: ""}[is_true(sample.candidates[0], sample.image_id)]
        lines.append(f"  model: {on_one_line(sample.candidates[0])}{mark}")
        lines.append(f"  human: {on_one_line(sample.references[0])}")
    return "\n".join(lines)


def as_markdown_table(samples: list[ImageCaptions]) -> str:
    """Return one row an image: its number, the generated captions, the references."""
    rows = [(str(sample.image_id), _cell(sample.candidates), _cell(sample.references)) for sample in samples]
    return table(("image", "generated", "references"), rows)


def _cell(captions: list[str]) -> str:
    return "<br>".join(map(as_it_is, captions))
