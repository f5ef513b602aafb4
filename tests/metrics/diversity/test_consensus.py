import sys

import numpy as np
import pytest

from metrics.diversity import Neighbours, consensus_scores, nearest_images
from metrics.document_frequencies import DocumentFrequencies
from metrics.ptb_tokenizer import ptb_tokenize
from tests.metrics.diversity.plain import IMAGES, cider_d, document_counts, mean, random_sets

TRAINING = random_sets([1, 2, 3, 1, 4, 2], seed=1)
CANDIDATES = random_sets([2, 1, 5], seed=2)
FLAT = [caption for image in CANDIDATES for caption in image]
IMAGE_OF = np.repeat(range(3), [2, 1, 5])
NEAREST = np.array([[0, 4], [3, 0], [2, 4]])


def _neighbours(num_captions: int = 2) -> Neighbours:
    return Neighbours(NEAREST, [[" ".join(caption) for caption in image] for image in TRAINING], num_captions)


@pytest.mark.parametrize("num_captions", [1, 2, 4, 100])
@pytest.mark.parametrize("given", [True, False], ids=["frequencies", "training-frequencies"])
def test_is_the_mean_over_the_most_similar_captions(num_captions: int, given: bool) -> None:
    corpus = IMAGES if given else TRAINING
    documents = document_counts(corpus)
    expected = []
    for caption, image in zip(FLAT, IMAGE_OF, strict=True):
        text = [other for near in NEAREST[image] for other in TRAINING[near]]
        similar = sorted((cider_d(caption, [other], documents, len(corpus)) for other in text), reverse=True)
        expected.append(mean(similar[:num_captions]))
    frequencies = DocumentFrequencies.of(IMAGES) if given else None
    scores = consensus_scores(FLAT, IMAGE_OF, _neighbours(num_captions), frequencies)
    np.testing.assert_allclose(scores, expected, atol=1e-9)


def test_blocks_of_images_do_not_change_it(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = consensus_scores(FLAT, IMAGE_OF, _neighbours())
    monkeypatch.setattr(sys.modules["metrics.diversity.consensus"], "CELLS_AT_ONCE", 1)
    np.testing.assert_allclose(consensus_scores(FLAT, IMAGE_OF, _neighbours()), whole, rtol=1e-12)


@pytest.mark.parametrize("nearest", [[[0, 4], [3, 0], [2, 4]], [[5], [5], [5]]], ids=["four images", "one image"])
def test_with_frequencies_only_what_the_neighbours_generated_is_tokenized(
    nearest: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenized: list[str] = []

    def counting(caption: str) -> list[str]:
        tokenized.append(caption)
        return ptb_tokenize(caption)

    monkeypatch.setattr(sys.modules["metrics.diversity.consensus"], "ptb_tokenize", counting)
    neighbours = _neighbours()._replace(nearest_BK=np.array(nearest))
    text = neighbours.training_captions
    of_all = consensus_scores(FLAT, IMAGE_OF, neighbours)
    assert tokenized == [caption for captions in text for caption in captions]
    tokenized.clear()
    frequencies = DocumentFrequencies.of([[ptb_tokenize(caption) for caption in captions] for captions in text])
    np.testing.assert_array_equal(consensus_scores(FLAT, IMAGE_OF, neighbours, frequencies), of_all)
    asked = sorted({number for numbers in nearest for number in numbers})
    assert tokenized == [caption for number in asked for caption in text[number]]


def test_nearest_images_by_cosine() -> None:
    generator = np.random.default_rng(0)
    features, training = (
        generator.normal(size=(7, 5)),
        generator.normal(size=(11, 5)) * generator.uniform(1, 9, (11, 1)),
    )
    for row, nearest in zip(features, nearest_images(features, training, 4), strict=True):
        cosines = [row @ other / (np.linalg.norm(row) * np.linalg.norm(other)) for other in training]
        assert nearest.tolist() == sorted(range(11), key=lambda other: -cosines[other])[:4]


def test_nearest_images_in_blocks_with_equals_and_without_features(monkeypatch: pytest.MonkeyPatch) -> None:
    training = np.array([[0, 0], [2, 0], [1, 0], [0, 1], [-1, 0]], dtype=np.float32)
    features = np.array([[3, 0], [0, 0], [0, -1]], dtype=np.float32)
    expected = [[1, 2, 0, 3, 4], [0, 1, 2, 3, 4], [0, 1, 2, 4, 3]]
    assert nearest_images(features, training, 5).tolist() == expected
    monkeypatch.setattr(sys.modules["metrics.diversity.consensus"], "CELLS_AT_ONCE", 1)
    assert nearest_images(features, training, 5).tolist() == expected
    assert nearest_images(features[:0], training, 2).shape == (0, 2)
    every_other = np.tile(np.eye(2), (25, 1))
    assert nearest_images(features[:1], every_other, 5).tolist() == [[0, 2, 4, 6, 8]]


@pytest.mark.parametrize(
    ("features", "training", "num", "match"),
    [
        (np.ones((2, 3)), np.ones((4, 2)), 1, "of one width D, got ..2, 3., .4, 2.."),
        (np.ones(3), np.ones((4, 3)), 1, "expected features .images, D."),
        (np.ones((2, 3)), np.ones((4, 3)), 5, "expected 1 to 4 nearest of as many images, got 5"),
        (np.ones((2, 3)), np.ones((4, 3)), 0, "expected 1 to 4 nearest of as many images, got 0"),
        (np.full((2, 3), np.nan), np.ones((4, 3)), 1, "expected finite features"),
        (np.ones((2, 3)), np.full((4, 3), np.inf), 1, "expected finite features"),
    ],
)
def test_refuses_features_that_cannot_be_compared(
    features: np.ndarray, training: np.ndarray, num: int, match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        nearest_images(features, training, num)


@pytest.mark.parametrize(
    ("neighbours", "match"),
    [
        (Neighbours(NEAREST[:2], [["a"]] * 5), r"nearest_BK of shape \[3 images, k\], got \(2, 2\)"),
        (Neighbours(NEAREST[:, :0], [["a"]] * 5), r"nearest_BK of shape \[3 images, k\], got \(3, 0\)"),
        (Neighbours(NEAREST, [["a"]] * 4), "numbers of the 4 training images in nearest_BK, got others"),
        (Neighbours(NEAREST, [["a"]] * 5, 0), "num_captions of at least 1, got 0"),
        (
            Neighbours(NEAREST, [[], ["a"], ["a"], [], ["a"]]),
            "captions of the neighbours of image 1, got none; raise k",
        ),
    ],
)
def test_refuses_neighbours_that_do_not_fit(neighbours: Neighbours, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        consensus_scores(FLAT, IMAGE_OF, neighbours)
