"""Accuracy against diversity, over the values of a setting of several strategies that sample captions."""

from collections.abc import Callable, Mapping, Sequence

from datamodules.split import CaptionSplit
from evaluation.generate_split import EncodedBatch, draws_of, generate_all, with_references
from evaluation.report.contents import TradeOff, TradeOffPoint
from lightning_modules import CaptioningModule
from lightning_modules.generation import Strategy
from metrics import DocumentFrequencies, ImageCaptions, human_captions, score_captions

Curves = Mapping[str, Callable[[float], Strategy]]
"""For each curve its strategy at a value of the setting that it varies."""


def measure_trade_off(
    captioner: CaptioningModule,
    batches: Sequence[EncodedBatch],
    split: CaptionSplit,
    curves: Curves,
    values: Sequence[float],
    *,
    num_captions: int,
    seed: int,
    frequencies: DocumentFrequencies,
) -> TradeOff:
    """Generate and score captions of the same images at each value of each curve.

    Args:
        captioner: The captioner.
        batches: The images, encoded once for all points.
        split: Where they are from.
        curves: See `Curves`.
        values: Of the setting that a curve varies.
        num_captions: Captions of an image.
        seed: Of all that is drawn.
        frequencies: Document frequencies of CIDEr-D, those of the whole split: a part of it has too few.
    """
    num_images = sum(len(batch.numbers) for batch in batches)
    points: dict[str, list[TradeOffPoint]] = {}
    for name, strategy_at in curves.items():
        points[name] = []
        for value in sorted(values):
            label = f"{name} at {value:g}"
            generated = generate_all(captioner, batches, split, strategy_at(value), seed=seed, label=label)
            scores = score_captions(with_references(generated, split), frequencies=frequencies)
            points[name].append(_point(value, scores | draws_of(generated)))
    references = [
        ImageCaptions(split.image_ids[number], list(split.captions[number]), list(split.captions[number]))
        for batch in batches
        for number in batch.numbers
    ]
    comparable = all(len(image.references) > 1 for image in references)
    human = _point(None, human_captions(references, frequencies=frequencies)) if comparable else None
    return TradeOff(points, human, num_images, num_captions)


def _point(value: float | None, scores: Mapping[str, float]) -> TradeOffPoint:
    return TradeOffPoint(
        value,
        mean_cider_d=scores["mean/CIDEr-D"],
        oracle_cider_d=scores["oracle/CIDEr-D"],
        mutual_bleu_4=scores["B/mBLEU-4"],
        distinct=scores["A/distinct"],
        mean_draws=scores.get("draws/mean"),
    )
