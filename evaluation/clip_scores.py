"""How well captions fit their photographs by CLIP, batch by batch as they are generated."""

from collections.abc import Sequence
from pathlib import Path

import torch
from omegaconf import DictConfig
from torch import nn

from datamodules.split import CaptionSplit
from evaluation.generate_split import EncodedBatch, NumberedCaptions, with_references
from metrics import ClipScore, PacScore
from metrics.clip_weights import SUFFIXES


def clip_metrics(settings: DictConfig) -> list[ClipScore]:
    """Return the metrics that `clip` of the config asks for, their models loaded.

    Raises:
        ValueError: A model cannot be loaded.
    """
    metrics: list[ClipScore] = []
    if settings.model is not None:
        metrics.append(ClipScore(model=_local(settings.model), batch_size=settings.batch_size))
    if settings.pac_model is not None:
        metrics.append(_pac_score(settings))
    for metric in metrics:
        _ = metric.clip  # what cannot be loaded is found out before anything is generated
    return metrics


def _pac_score(settings: DictConfig) -> PacScore:
    if not settings.pac_model.endswith(SUFFIXES):
        return PacScore(model=_local(settings.pac_model), batch_size=settings.batch_size)
    if settings.model is None:
        raise ValueError(
            f"clip.pac_model={settings.pac_model}: expected clip.model beside a file of weights, which lacks the "
            f"architecture and the tokenizer; set clip.model to the CLIP that it was trained from"
        )
    weights = Path(settings.pac_model).expanduser()
    return PacScore(model=_local(settings.model), weights=weights, batch_size=settings.batch_size)


def notes_on_clip(metrics: Sequence[ClipScore], image_size: int) -> list[str]:
    """Return what a reader must know of the scores: that CLIP saw images at less than its own size, where it did."""
    most = max((metric.clip.image_size for metric in metrics), default=0)
    if most <= image_size:
        return []
    return [
        f"CLIP looks at {most}×{most} pixels, but saw images as the captioner does, at {image_size}×{image_size}: its "
        f"scores are not to be compared with published ones"
    ]


def _local(model: str) -> str:
    """Return a model's folder or name, with `~` as the home folder."""
    return str(Path(model).expanduser()) if model.startswith("~") else model


class SplitClipScores(nn.Module):
    """Scores the captions of batches of a split.

    Args:
        metrics: What by.
        split: The images' references.
        num_kept: How many captions of each image count; None for all.
    """

    def __init__(self, metrics: Sequence[ClipScore], split: CaptionSplit, num_kept: int | None) -> None:
        super().__init__()
        self.metrics = metrics
        self.on_device = nn.ModuleList(metrics)  # so that they move along
        self.split = split
        self.num_kept = num_kept

    def add(self, batch: EncodedBatch, generated: Sequence[NumberedCaptions]) -> None:
        """Score the captions of a batch by its pixels as the model sees them."""
        if not self.metrics:
            return
        kept = [image._replace(generated=image.generated.first(self.num_kept)) for image in generated]
        images = with_references(kept, self.split)
        for metric in self.metrics:
            metric.update(
                batch.images_BCHW,
                [image.candidates for image in images],
                [image.references for image in images],
                torch.tensor([image.image_id for image in images]),
            )

    def results(self) -> dict[str, float]:
        """Return all scores by name, over the images of all processes."""
        return {name: value.item() for metric in self.metrics for name, value in metric.compute().items()}
