"""The diversity metrics' definitions as plain loops, and captions to try them on."""

import math
import random
from collections import Counter
from collections.abc import Sequence

Caption = Sequence[str]
Sets = list[list[list[str]]]

IMAGES: Sets = [
    [caption.split() for caption in captions]
    for captions in (
        ("two boys kick a red ball", "two boys kick a ball in the park", "children play", "two boys kick a red ball"),
        ("a cat sleeps on the sofa", "the cat is on the mat on the sofa"),
        (
            "a dog runs",
            "a dog runs on the beach",
            "",
            "the dog the dog the dog",
            "a wet dog runs on the beach by the sea",
        ),
        ("tree", "tree", "tree tree tree", "a green tree", "tree", "a tall green tree by the road"),
        ("a woman with an umbrella walks her dog", "rain falls on a lady and her small dog", "someone walks a dog"),
    )
]
"""Of each image two to six captions, some the same, one of them empty."""


def random_sets(counts: Sequence[int], seed: int, words: Sequence[str] = "abcdefg") -> Sets:
    """Draw captions of up to nine of a few words, so that much repeats."""
    generator = random.Random(seed)
    return [[generator.choices(words, k=generator.randrange(10)) for _ in range(count)] for count in counts]


def ngrams(caption: Caption, order: int) -> list[str]:
    return [" ".join(caption[start : start + order]) for start in range(len(caption) - order + 1)]


def bleu_counts(candidate: Caption, references: Sequence[Caption]) -> list[int]:
    """Return the matches of orders 1 to 4, the n-grams of these orders, the length and the reference length."""
    matches, totals = [], []
    for order in range(1, 5):
        text = Counter(ngrams(candidate, order))
        most = {ngram: max(ngrams(reference, order).count(ngram) for reference in references) for ngram in text}
        matches.append(sum(min(count, most[ngram]) for ngram, count in text.items()))
        totals.append(sum(text.values()))
    length = min((abs(len(reference) - len(candidate)), len(reference)) for reference in references)[1]
    return [*matches, *totals, len(candidate), length]


def bleu(counts: Sequence[int]) -> list[float]:
    """Return BLEU-1 to BLEU-4 of counts of one or, summed, of many captions."""
    *numbers, length, reference_length = counts
    ratio = (length + 1e-15) / (reference_length + 1e-9)
    brevity = min(1.0, math.exp(max(1 - 1 / ratio, -700)))
    product, scores = 1.0, []
    for order in range(4):
        product *= (numbers[order] + 1e-15) / (numbers[4 + order] + 1e-9)
        scores.append(product ** (1 / (order + 1)) * brevity)
    return scores


def corpus_bleu(counts: Sequence[Sequence[int]]) -> list[float]:
    return bleu([sum(column) for column in zip(*counts, strict=True)])


def document_counts(references: Sets) -> Counter[str]:
    counts: Counter[str] = Counter()
    for captions in references:
        counts.update({ngram for caption in captions for order in range(1, 5) for ngram in ngrams(caption, order)})
    return counts


def cider_similarity(one: Caption, other: Caption, documents: Counter[str], num_images: int, *, clipped: bool) -> float:
    """Return the mean over orders of the cosine of TF-IDF vectors."""
    total = 0.0
    for order in range(1, 5):
        one_vector, other_vector = (
            {
                ngram: count * (math.log(num_images) - math.log(max(documents[ngram], 1)))
                for ngram, count in Counter(ngrams(caption, order)).items()
            }
            for caption in (one, other)
        )
        dot = sum(
            (min(value, other_vector[ngram]) if clipped else value) * other_vector[ngram]
            for ngram, value in one_vector.items()
            if ngram in other_vector
        )
        norm = math.hypot(*one_vector.values()) * math.hypot(*other_vector.values())
        total += dot / norm if norm else 0.0
    return total / 4


def cider_d(candidate: Caption, references: Sequence[Caption], documents: Counter[str], num_images: int) -> float:
    similarities = [
        cider_similarity(candidate, reference, documents, num_images, clipped=True)
        * math.exp(-((len(candidate) - len(reference)) ** 2) / 72)
        for reference in references
    ]
    return 10 * sum(similarities) / len(similarities)


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
