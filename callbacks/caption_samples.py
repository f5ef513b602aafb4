"""Shows what the model says of a few images, beside what people said."""

import html
import re
from typing import NamedTuple

from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger

from callbacks.evaluation_callback import EvaluationCallback
from datamodules.batch import CaptionBatch
from lightning_modules import EvaluationOutput, VariationalCaptioner
from metrics.words import on_one_line

MARKUP = re.compile(r"([\\`*_\[\]|])")


class Sample(NamedTuple):
    """What was said of one image, by the model and by people."""

    image_id: int
    candidates: list[str]
    references: list[str]


class CaptionSamples(EvaluationCallback):
    """Writes the captions of the first images of each evaluation to TensorBoard's text tab, as a table.

    Args:
        num_images: How many images.
    """

    def __init__(self, num_images: int = 8) -> None:
        self.num_images = num_images
        self.samples: list[Sample] = []

    def observe(
        self,
        trainer: Trainer,
        captioner: VariationalCaptioner,
        output: EvaluationOutput,
        batch: CaptionBatch,
        batch_idx: int,
        stage: str,
    ) -> None:
        wanted = self.num_images - len(self.samples)
        rows = zip(batch.image_ids_B.tolist()[:wanted], output["descriptions"].captions, batch.references, strict=False)
        self.samples.extend(Sample(*row) for row in rows)

    def conclude(self, trainer: Trainer, captioner: VariationalCaptioner, stage: str) -> None:
        if isinstance(trainer.logger, TensorBoardLogger):
            text = as_markdown_table(self.samples)
            trainer.logger.experiment.add_text(f"{stage}/captions", text, trainer.global_step)
        self.samples = []


def as_markdown_table(samples: list[Sample]) -> str:
    """Return one row an image: its number, the model's captions, the people's."""
    rows = [f"| {sample.image_id} | {_cell(sample.candidates)} | {_cell(sample.references)} |" for sample in samples]
    return "\n".join(["| image | the model says | people say |", "|---|---|---|", *rows])


def _cell(captions: list[str]) -> str:
    """Return captions that Markdown and HTML show as they are."""
    lines = (html.escape(on_one_line(caption), quote=False) for caption in captions)
    return "<br>".join(MARKUP.sub(r"\\\1", line) for line in lines)
