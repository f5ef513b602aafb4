"""Shows the captions that the model generates for a few images, beside human references."""

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger

from callbacks.evaluation_callback import EvaluationCallback
from datamodules.batch import CaptionBatch
from lightning_modules import CaptioningModule, EvaluationOutput
from metrics import GatheredCaptions, ImageCaptions
from pictures.markdown import as_it_is, table
from utils.lightning_internals import figures_step


class CaptionSamples(EvaluationCallback):
    """Writes the captions of the first images of each split to TensorBoard's text tab, as a table.

    Args:
        num_images: How many images, those of the lowest ids: the same on any number of processes.

    Raises:
        ValueError: It is none.
    """

    def __init__(self, num_images: int = 8) -> None:
        if num_images < 1:
            raise ValueError(f"callbacks.samples.num_images must be at least 1, got {num_images}")
        self.num_images = num_images
        self.samples: list[ImageCaptions] = []

    def observe(
        self,
        trainer: Trainer,
        captioner: CaptioningModule,
        output: EvaluationOutput,
        batch: CaptionBatch,
        batch_idx: int,
        stage: str,
    ) -> None:
        rows = zip(batch.image_ids_B.tolist(), output.generated.captions, batch.references, strict=True)
        samples = [*self.samples, *(ImageCaptions(*row) for row in rows)]
        self.samples = sorted(samples, key=lambda image: image.image_id)[: self.num_images]

    def conclude(self, trainer: Trainer, captioner: CaptioningModule, stage: str) -> None:
        if isinstance(trainer.logger, TensorBoardLogger):
            gathered = GatheredCaptions().to(captioner.device)
            gathered.update(
                [image.candidates for image in self.samples],
                [image.references for image in self.samples],
                torch.tensor([image.image_id for image in self.samples]),
            )
            text = as_markdown_table(gathered.compute()[: self.num_images])
            trainer.logger.experiment.add_text(f"{stage}/captions", text, figures_step(trainer))

    def forget(self) -> None:
        self.samples = []


def as_markdown_table(samples: list[ImageCaptions]) -> str:
    """Return one row an image: its number, the generated captions, the references."""
    rows = [(str(sample.image_id), _cell(sample.candidates), _cell(sample.references)) for sample in samples]
    return table(("image", "generated", "references"), rows)


def _cell(captions: list[str]) -> str:
    return "<br>".join(map(as_it_is, captions))
