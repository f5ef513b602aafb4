"""Smoothed BLEU-4 of one sentence with one reference, by Python's counters."""

import math
from collections import Counter
from collections.abc import Sequence


def smoothed_bleu(caption: Sequence[str], reference: Sequence[str]) -> float:
    """Return BLEU-4 with one added to matches and totals beyond single words (Lin and Och 2004)."""
    logs = []
    for order in range(1, 5):
        own, others = (
            Counter(tuple(words[start : start + order]) for start in range(len(words) - order + 1))
            for words in (caption, reference)
        )
        matches, total = (own & others).total(), own.total()
        if order == 1 and not matches:
            return 0.0
        logs.append(math.log(matches / total) if order == 1 else math.log((matches + 1) / (total + 1)))
    return math.exp(sum(logs) / 4 + min(1 - len(reference) / len(caption), 0))
