"""Captions of a split on all devices: each process takes a batch in turn, and the first one gets what all have made."""

import time
from collections.abc import Callable
from typing import NamedTuple

import torch.distributed as dist
from pytorch_lightning import LightningModule, Trainer

from datamodules.split import CaptionSplit
from evaluation.calibration import SplitCalibration
from evaluation.clip_scores import SplitClipScores
from evaluation.generate_split import EncodedBatch, ImageBatch, NumberedCaptions, generate_batch, image_loader, numbered
from evaluation.reconstruction import SplitReconstructionQuality
from lightning_modules import CaptioningModule
from lightning_modules.generation import Strategy
from lightning_modules.ranking import Ranker
from metrics import FactComparison, ReliabilityTable


class Predicted(NamedTuple):
    """What was generated for the images of a split.

    Attributes:
        images: Every image's captions, in the order of the split.
        scores: How well images are reconstructed from their first captions, and how well captions fit them by CLIP.
        reliability: How sure the model is of human words, and how often it is right (see `SplitCalibration`).
        comparisons: What each reconstruction shows, against its image; none where that cannot be told.
        seconds: How long it took to generate them.
    """

    images: list[NumberedCaptions]
    scores: dict[str, float]
    reliability: dict[str, ReliabilityTable]
    comparisons: list[FactComparison]
    seconds: float


class SplitPredictor(LightningModule):
    """Generates captions of batches of a split by `trainer.predict`, and reconstructs images from the first captions.

    Args:
        captioner: The captioner.
        split: The images.
        strategy: How captions are generated.
        seed: Of all that is drawn.
        ranker: Which caption comes first; None for the strategy's own order.
        training: Loads the training images, for a ranker that learns from them.
        quality: How well images are reconstructed from their first captions.
        clip_scores: How well the captions fit their images by CLIP.
        num_bins: Of the reliability of word probabilities; 0 leaves it out.
    """

    allow_zero_length_dataloader_with_multiple_devices = True  # more processes than batches

    def __init__(
        self,
        captioner: CaptioningModule,
        split: CaptionSplit,
        strategy: Strategy,
        *,
        seed: int,
        ranker: Ranker | None,
        training: Callable[[], CaptionSplit],
        quality: SplitReconstructionQuality,
        clip_scores: SplitClipScores,
        num_bins: int,
    ) -> None:
        super().__init__()
        self.captioner = captioner
        self.split = split
        self.strategy = strategy
        self.seed = seed
        self.ranker = ranker
        self.training_split = training
        self.quality = quality
        self.clip_scores = clip_scores
        self.calibration = SplitCalibration(captioner, split, num_bins)
        self.images: list[NumberedCaptions] = []
        self.started = time.perf_counter()
        self.seconds_of_measuring = 0.0

    def on_predict_start(self) -> None:
        """Prepare the ranker, in the first process before the others, which read what it has written."""
        if self.ranker is not None:
            for first in (True, False):
                if self.trainer.is_global_zero == first:
                    self.ranker.prepare(self.captioner, self.training_split)
                self.trainer.strategy.barrier()
        self.started = time.perf_counter()  # preparing is no part of how fast captions are generated

    def predict_step(self, batch: ImageBatch, batch_idx: int) -> list[NumberedCaptions]:
        encoded = EncodedBatch.of(batch, self.captioner)
        batch_captions = generate_batch(
            self.captioner, encoded, self.split, self.strategy, seed=self.seed, ranker=self.ranker
        )
        generated = numbered(encoded, batch_captions)
        self.quality.add(encoded, generated)
        before = time.perf_counter()
        self.clip_scores.add(encoded, generated)
        self.calibration.add(encoded)
        self.seconds_of_measuring += time.perf_counter() - before
        self.images += generated
        return generated


def predict_split(
    trainer: Trainer, predictor: SplitPredictor, *, num_images: int, batch_size: int, num_workers: int
) -> Predicted | None:
    """Generate captions of the first images of a split on all devices of a trainer.

    All processes must call it; none exchanges anything with another one afterwards.

    Args:
        trainer: Runs `predictor` on its devices.
        predictor: What generates them.
        num_images: How many images.
        batch_size: Images of a batch, on any number of processes.
        num_workers: Processes that load images, beside each process.

    Returns:
        What all processes have made, in the first one; None in the others.
    """
    loader = image_loader(
        predictor.split,
        num_images=num_images,
        batch_size=batch_size,
        num_workers=num_workers,
        rank=trainer.global_rank,
        num_processes=trainer.world_size,
    )
    trainer.predict(predictor, loader, return_predictions=False)
    seconds = time.perf_counter() - predictor.started - predictor.seconds_of_measuring
    predictor.to(trainer.strategy.root_device)  # which Lightning has moved to the CPU
    scores = predictor.quality.results() | predictor.clip_scores.results()
    reliability = predictor.calibration.results()
    parts = [(predictor.images, predictor.quality.comparisons)]
    if dist.is_available() and dist.is_initialized():
        parts = [([], [])] * trainer.world_size
        dist.all_gather_object(parts, (predictor.images, predictor.quality.comparisons))
        dist.destroy_process_group()
    if not trainer.is_global_zero:
        return None
    images = sorted((image for part, _ in parts for image in part), key=lambda image: image.number)
    comparisons = [comparison for _, part in parts for comparison in part]
    return Predicted(images, scores, reliability, comparisons, seconds)
