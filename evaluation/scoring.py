"""All scores of the captions of a split, beside those of its references."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from metrics import (
    CaptionScore,
    DocumentFrequencies,
    ImageCaptions,
    JavaError,
    all_candidates,
    cider_d,
    human_captions,
    notes_on_scores,
    ptb_tokenize,
    score_captions,
    with_meteor_if_possible,
)
from metrics.ngrams import Floats
from metrics.scorer import PROTOCOLS


@dataclass
class Scores:
    """Scores, and what their reader must know.

    Attributes:
        model: By name.
        human: By name; empty where the references cannot be scored.
        notes: What was left out, and why.
    """

    model: dict[str, float]
    human: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def score_split(
    images: Sequence[ImageCaptions],
    metrics: Iterable[CaptionScore],
    *,
    training_captions: Sequence[str] | None,
    frequencies: DocumentFrequencies | None = None,
    no_meteor: str | None,
    meteor: str = "auto",
) -> Scores:
    """Score by `metrics.score_captions`, and by the metrics that the config adds.

    Args:
        images: The captions of each image, and its references.
        metrics: Further metrics, such as those of a data set that knows the truth.
        training_captions: What is not novel; None leaves novelty out.
        frequencies: Document frequencies of CIDEr-D and Self-CIDEr; None for those of the references.
        no_meteor: Why METEOR is left out (see `metrics.why_no_meteor`); None to compute it.
        meteor: The user's choice: with `yes` it is an error if METEOR fails.

    Raises:
        ValueError: As `metrics.score_captions` does; or METEOR fails, and was asked for with `yes`.
    """
    known: dict[str, Any] = {"training_captions": training_captions, "frequencies": frequencies}
    comparable = min(len(image.references) for image in images) > 1

    def compute(with_meteor: bool) -> tuple[dict[str, float], dict[str, float]]:
        of_model = score_captions(images, **known, with_meteor=with_meteor)
        return of_model, human_captions(images, **known, with_meteor=with_meteor) if comparable else {}

    (model, human), no_meteor = with_meteor_if_possible(compute, no_meteor, choice=meteor, option="meteor=")
    num_documents = len(images) if frequencies is None else frequencies.num_images
    notes = notes_on_scores(images, num_documents=num_documents, protocols=PROTOCOLS)
    if no_meteor is not None:
        notes.append(f"METEOR is left out: {no_meteor}")
    if not comparable:
        notes.append("People's captions are not scored: some image has only one, which leaves none to compare.")
    scores = Scores({}, human, notes)
    scores.model = _further(images, metrics, notes) | model
    return scores


def _further(images: Sequence[ImageCaptions], metrics: Iterable[CaptionScore], notes: list[str]) -> dict[str, float]:
    """Return what the config's metrics find; a note is added for each whose Java program fails."""
    results: dict[str, float] = {}
    for metric in metrics:
        metric.update(
            [image.candidates for image in images],
            [image.references for image in images],
            torch.tensor([image.image_id for image in images]),
        )
        try:
            results |= {name: value.item() for name, value in metric.compute().items()}
        except JavaError as error:
            notes.append(f"{type(metric).__name__} of metrics= is left out: {error}")
    return results


def frequencies_of(images: Sequence[ImageCaptions]) -> DocumentFrequencies:
    """Return the document frequencies of the images' references."""
    return DocumentFrequencies.of([[ptb_tokenize(caption) for caption in image.references] for image in images])


def cider_d_of_each(images: Sequence[ImageCaptions], frequencies: DocumentFrequencies | None = None) -> list[Floats]:
    """Return CIDEr-D of each caption of each image."""
    ends_B = np.cumsum([len(image.candidates) for image in images])
    return np.split(cider_d(all_candidates(images), frequencies), ends_B[:-1])
