"""Words that a model uses at one end of a dimension of the style and not at the other."""

from collections import Counter
from collections.abc import Iterable, Sequence

from evaluation.generate_split import EncodedBatch
from evaluation.report.contents import StyleWords
from lightning_modules import CaptioningModule
from lightning_modules.exploration import traverse
from metrics import WordOdds, dirichlet_prior, log_odds_ratios
from metrics.words import words
from utils.progress import SHOWN_AFTER, progress_bar

PRIOR_WORDS = 500.0
"""Pseudo-counts of the prior, all words together: as many words as some fifty captions have."""

SIGNIFICANT = 1.96
"""Beyond this z-score a word is no accident, at 95 %."""


def compare_ends(
    captioner: CaptioningModule,
    batches: Sequence[EncodedBatch],
    *,
    dimensions: Sequence[int],
    ends: tuple[float, float],
    max_length: int,
    num_words: int,
) -> list[StyleWords]:
    """Generate captions at both ends of each dimension, greedily, and compare their words (see `log_odds_ratios`).

    The prior is how often all these captions, of all dimensions, use a word.

    Args:
        captioner: The captioner.
        batches: The images.
        dimensions: Which, from 0.
        ends: The lower and the higher value, in standard deviations of each image's prior, from its mean.
        max_length: Most tokens of a caption.
        num_words: Words of each end, at most; those that differ by chance alone are left out.
    """
    bar = progress_bar(dimensions, desc="words of styles", unit="dimension", delay=SHOWN_AFTER, leave=False)
    counts = {dimension: _words_at(captioner, batches, dimension, ends, max_length) for dimension in bar}
    everywhere: Counter[str] = sum((both[0] + both[1] for both in counts.values()), Counter())
    if len(everywhere) < 2:
        return []
    prior = dirichlet_prior(everywhere, PRIOR_WORDS)
    num_captions = sum(len(batch.numbers) for batch in batches)
    results = []
    for dimension, (low, high) in counts.items():
        of_low, of_high = (
            first_words(log_odds_ratios(first, second, prior), num_words)
            for first, second in ((low, high), (high, low))
        )
        results.append(StyleWords(dimension, ends, of_low, of_high, num_captions))
    return results


def first_words(ratios: Iterable[WordOdds], num: int) -> list[WordOdds]:
    """Return the first words, at most `num`, that belong to a group by more than chance."""
    return [ratio for ratio in ratios if ratio.z_score > SIGNIFICANT][:num]


def _words_at(
    captioner: CaptioningModule,
    batches: Sequence[EncodedBatch],
    dimension: int,
    ends: tuple[float, float],
    max_length: int,
) -> tuple[Counter[str], Counter[str]]:
    """Return how often the captions at the lower and at the higher end have each word."""
    low: Counter[str] = Counter()
    high: Counter[str] = Counter()
    for batch in batches:
        (generated,) = traverse(
            captioner, batch.features_BPD, dimensions=[dimension], values=ends, max_length=max_length
        )
        for at_low, at_high in generated.captions:
            low.update(words(at_low))
            high.update(words(at_high))
    return low, high
