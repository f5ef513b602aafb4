"""The captions of a few images, explained word by word."""

from datamodules.split import CaptionSplit
from evaluation.generate_split import EncodedBatch, generate_batch
from evaluation.report.contents import ExplainedImage
from lightning_modules import CaptioningModule
from lightning_modules.generation import Strategy
from lightning_modules.ranking import Ranker
from lightning_modules.results.explained_captions import explained_captions


def explain_images(
    captioner: CaptioningModule,
    batch: EncodedBatch,
    split: CaptionSplit,
    strategy: Strategy,
    *,
    num_captions: int,
    seed: int,
    ranker: Ranker | None = None,
) -> list[ExplainedImage]:
    """Generate captions as the evaluation does, and explain the first of each image.

    Args:
        captioner: The captioner.
        batch: The images.
        split: Where they are from.
        strategy: How captions are generated.
        num_captions: How many of each image are explained.
        seed: Of all that is drawn.
        ranker: Which caption comes first; None for the strategy's own order.
    """
    generated = generate_batch(captioner, batch, split, strategy, seed=seed, ranker=ranker)
    return [
        ExplainedImage(str(split.image_names[number]), image_3HW, captions[:num_captions])
        for number, image_3HW, captions in zip(
            batch.numbers,
            batch.images_BCHW.cpu(),
            explained_captions(captioner, batch.features_BPD, generated),
            strict=True,
        )
    ]
