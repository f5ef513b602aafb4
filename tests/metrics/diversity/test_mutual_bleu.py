import numpy as np
import pytest

from metrics.diversity import CaptionSets, mean_mutual_bleu, slot_mutual_bleu
from metrics.diversity.mutual_bleu import mutual_bleu_statistics
from tests.metrics.diversity.plain import IMAGES, Sets, bleu, bleu_counts, corpus_bleu, mean, random_sets

SETS = [
    IMAGES,
    *(random_sets([count] * 6, seed=count) for count in range(2, 7)),
    random_sets([2, 6, 3, 5, 2, 4], seed=0),
]
OF_COCO_CAPTION = {
    "slots": [0.4715206686614623, 0.34438609308577595, 0.27469772518094043, 0.184596655175773],
    "mean": [
        0.37526836170864136,
        4.0986810983381026e-05,
        0.005848631842858253,
        3.162277656215536e-05,
        1.009082494096188e-12,
    ],
}
"""pycocoevalcap 1.2 on the first two captions of each of `IMAGES`: mBLEU-1 to mBLEU-4, and mBLEU-4 of each image."""


def _others(image: list[list[str]], slot: int) -> list[list[str]]:
    return [*image[:slot], *image[slot + 1 :]]


def _ids(captions: Sets) -> str:
    return "-".join(str(len(image)) for image in captions)


@pytest.mark.parametrize("captions", SETS, ids=_ids)
def test_statistics_are_those_of_each_caption_against_the_others(captions: Sets) -> None:
    statistics = mutual_bleu_statistics(CaptionSets.of(captions))
    expected = [bleu_counts(caption, _others(image, slot)) for image in captions for slot, caption in enumerate(image)]
    assert np.column_stack(statistics).tolist() == expected


@pytest.mark.parametrize("captions", SETS, ids=_ids)
def test_the_mean_of_sentence_bleu(captions: Sets) -> None:
    expected = [
        np.mean([bleu(bleu_counts(caption, _others(image, slot))) for slot, caption in enumerate(image)], axis=0)
        for image in captions
    ]
    np.testing.assert_allclose(mean_mutual_bleu(CaptionSets.of(captions)), expected, rtol=1e-9)


@pytest.mark.parametrize("captions", SETS, ids=_ids)
def test_the_mean_over_slots_of_corpus_bleu(captions: Sets) -> None:
    total, weight = np.zeros(4), 0
    for slot in range(max(map(len, captions))):
        counts = [bleu_counts(image[slot], _others(image, slot)) for image in captions if len(image) > slot]
        total += np.array(corpus_bleu(counts)) * len(counts)
        weight += len(counts)
    np.testing.assert_allclose(slot_mutual_bleu(CaptionSets.of(captions)), total / weight, rtol=1e-9)


def test_hand_values() -> None:
    sets = CaptionSets.of([[["a", "b", "c", "d", "e"], ["a", "b", "c", "d", "f"]]])
    # each shares 4 of 5 words, 3 of 4 pairs, 2 of 3 triples, 1 of 2 quadruples with the other, and is as long
    expected = [4 / 5, (4 / 5 * 3 / 4) ** (1 / 2), (3 / 5 * 2 / 3) ** (1 / 3), (2 / 5 * 1 / 2) ** (1 / 4)]
    np.testing.assert_allclose(mean_mutual_bleu(sets), [expected], rtol=1e-8)
    np.testing.assert_allclose(slot_mutual_bleu(sets), expected, rtol=1e-8)


def test_the_same_captions_give_1_and_disjoint_ones_0() -> None:
    same = CaptionSets.of([[["a", "b", "c", "d"]] * 3] * 2)
    np.testing.assert_allclose(mean_mutual_bleu(same), 1, rtol=1e-8)
    np.testing.assert_allclose(slot_mutual_bleu(same), 1, rtol=1e-8)
    disjoint = CaptionSets.of([[["a", "b", "c", "d"], ["e", "f", "g", "h"], ["i", "j", "k", "l"]]])
    assert mean_mutual_bleu(disjoint).max() < 1e-6
    assert slot_mutual_bleu(disjoint).max() < 1e-6


def test_the_order_of_images_and_for_the_mean_that_of_captions_does_not_matter() -> None:
    turned = CaptionSets.of([image[::-1] for image in IMAGES[::-1]])
    np.testing.assert_allclose(mean_mutual_bleu(turned)[::-1], mean_mutual_bleu(CaptionSets.of(IMAGES)), rtol=1e-12)
    shuffled = CaptionSets.of(IMAGES[::-1])
    np.testing.assert_allclose(slot_mutual_bleu(shuffled), slot_mutual_bleu(CaptionSets.of(IMAGES)), rtol=1e-12)


def test_the_protocols_differ_on_the_same_captions() -> None:
    sets = CaptionSets.of(IMAGES)
    assert abs(mean_mutual_bleu(sets)[:, 3].mean() - slot_mutual_bleu(sets)[3]) > 0.01


def test_stored_values_of_coco_caption() -> None:
    sets = CaptionSets.of([image[:2] for image in IMAGES])
    np.testing.assert_allclose(slot_mutual_bleu(sets), OF_COCO_CAPTION["slots"], rtol=1e-9)
    np.testing.assert_allclose(mean_mutual_bleu(sets)[:, 3], OF_COCO_CAPTION["mean"], rtol=1e-9)


@pytest.mark.parametrize("captions", SETS[:-1], ids=_ids)
def test_is_what_coco_caption_gives(captions: Sets) -> None:
    scorer = pytest.importorskip("pycocoevalcap.bleu.bleu", reason="pycocoevalcap is not installed").Bleu(4)
    num = min(map(len, captions))
    corpus, each = [], []
    for slot in range(num):
        references = {row: [" ".join(one) for one in _others(image[:num], slot)] for row, image in enumerate(captions)}
        candidates = {row: [" ".join(image[slot])] for row, image in enumerate(captions)}
        of_slot = scorer.compute_score(references, candidates, verbose=0)
        corpus.append(of_slot[0])
        each.append(of_slot[1][3])
    sets = CaptionSets.of([image[:num] for image in captions])
    np.testing.assert_allclose(slot_mutual_bleu(sets), np.mean(corpus, axis=0), rtol=1e-9)
    np.testing.assert_allclose(
        mean_mutual_bleu(sets)[:, 3], [mean(column) for column in zip(*each, strict=True)], rtol=1e-9
    )
