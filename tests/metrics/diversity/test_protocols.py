"""Both protocols on the same captions, each number written out."""

import numpy as np
import pytest

from metrics.diversity import CaptionSets, protocol_a, protocol_b
from metrics.document_frequencies import DocumentFrequencies
from tests.metrics.diversity.plain import (
    IMAGES,
    Sets,
    bleu,
    bleu_counts,
    corpus_bleu,
    mean,
    ngrams,
    random_sets,
)

SIX = [[*image, image[0]] for image in random_sets([5, 6, 5], seed=5)]  # more than the best five, the last one again
REFERENCES = random_sets([2, 3, 1], seed=6)


def _div(image: list[list[str]], order: int) -> float:
    return len({ngram for caption in image for ngram in ngrams(caption, order)}) / sum(map(len, image))


def _mbleu_4(image: list[list[str]]) -> float:
    return mean([bleu(bleu_counts(image[i], [*image[:i], *image[i + 1 :]]))[3] for i in range(len(image))])


def test_protocol_a_looks_at_the_best_five_but_for_distinctness_and_the_oracle() -> None:
    five = [image[:5] for image in SIX]
    quality = np.arange(19.0) % 7
    training = {" ".join(five[0][1]), " ".join(five[2][4])}
    assert protocol_a(CaptionSets.of(SIX), {"quality": quality}, training) == pytest.approx(
        {
            "A/distinct": mean([len({tuple(caption) for caption in image}) / len(image) for image in SIX]),
            "A/novel": mean([" ".join(caption) not in training for image in five for caption in image]),
            "A/mBLEU-4": mean([_mbleu_4(image) for image in five]),
            "A/Div-1": mean([_div(image, 1) for image in five]),
            "A/Div-2": mean([_div(image, 2) for image in five]),
            "A/oracle-quality": mean([max(quality[:6]), max(quality[6:13]), max(quality[13:])]),
        }
    )


def test_protocol_b_looks_at_all_captions() -> None:
    training = {" ".join(SIX[0][6 - 1]), " ".join(SIX[1][6])}
    slots = []
    for slot in range(7):
        images = [image for image in SIX if len(image) > slot]
        counts = [bleu_counts(image[slot], [*image[:slot], *image[slot + 1 :]]) for image in images]
        slots += [corpus_bleu(counts)] * len(images)
    results = protocol_b(CaptionSets.of(SIX), DocumentFrequencies.of(REFERENCES), training)
    assert 0 < results.pop("B/Self-CIDEr") < 1
    assert results == pytest.approx(
        {
            "B/Div-1": mean([_div(image, 1) for image in SIX]),
            "B/Div-2": mean([_div(image, 2) for image in SIX]),
            **{f"B/mBLEU-{order + 1}": mean([scores[order] for scores in slots]) for order in range(4)},
            "B/vocabulary": 7,
            "B/novel": mean([" ".join(caption) not in training for image in SIX for caption in image]),
        }
    )


def test_novelty_is_left_out_without_training_captions() -> None:
    sets = CaptionSets.of(IMAGES)
    assert "A/novel" not in protocol_a(sets, {})
    assert "B/novel" not in protocol_b(sets, DocumentFrequencies.of(IMAGES))


@pytest.mark.parametrize("captions", [IMAGES, SIX], ids=["2-6", "6-7"])
def test_shares_lie_between_0_and_1(captions: Sets) -> None:
    sets = CaptionSets.of(captions)
    results = protocol_a(sets, {}, {"a"}) | protocol_b(sets, DocumentFrequencies.of(IMAGES), {"a"})
    assert results.pop("B/vocabulary") >= 7
    assert all(0 <= value <= 1 for value in results.values())


def _spoken(captions: Sets) -> list[list[str]]:
    return [[" ".join(caption) for caption in image] for image in captions]
