import math

import numpy as np
import pytest
from numpy.typing import NDArray

from lightning_modules.ranking.neighbour_spaces import (
    PENALTIES,
    NeighbourSpace,
    word_topics,
    words_space,
)

NUM_IMAGES, WIDTH = 12, 7
WORDS = ["a", "dog", "runs", "in", "the", "snow", "two", "red", "birds", "sit", "on", "fence"]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def features_TD(rng: np.random.Generator) -> NDArray[np.float16]:
    return (rng.random((NUM_IMAGES, WIDTH)) * [9, 3, 1, 1, 1, 1, 1]).astype(np.float16)


@pytest.fixture
def captions(rng: np.random.Generator) -> list[list[str]]:
    return [[" ".join(rng.choice(WORDS, 4)) for _ in range(2)] for _ in range(NUM_IMAGES)]


def _unit(rows: NDArray) -> NDArray[np.float64]:
    rows = rows.astype(np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _cosines(space: NeighbourSpace, features_BD: NDArray) -> NDArray[np.float64]:
    return _unit(space.vectors(features_BD)) @ _unit(space.training_TK).T


def _tf_idf(captions: list[list[str]]) -> NDArray[np.float64]:
    """Return each image's bag of words, word by word: (1 + log count) · (1 + log (1 + T) / (1 + images with it))."""
    bags = [" ".join(of_image).split() for of_image in captions]
    words = sorted({word for bag in bags for word in bag})
    rows = []
    for bag in bags:
        weights = []
        for word in words:
            inverse = 1 + math.log((1 + len(bags)) / (1 + sum(word in other for other in bags)))
            weights.append((1 + math.log(bag.count(word))) * inverse if word in bag else 0.0)
        rows.append(weights)
    return _unit(np.array(rows))


def test_topics_keep_the_first_singular_directions_of_the_words(captions: list[list[str]]) -> None:
    topics_TK = word_topics(captions, 3)
    left_TK, singular_K, _ = np.linalg.svd(_tf_idf(captions), full_matrices=False)
    expected_TK = left_TK[:, :3] * singular_K[:3]
    np.testing.assert_allclose(topics_TK @ topics_TK.T, expected_TK @ expected_TK.T, atol=1e-4)


def test_words_are_predicted_by_the_ridge_regression_that_does_best_on_images_left_out(
    features_TD: NDArray, captions: list[list[str]], rng: np.random.Generator
) -> None:
    space = words_space(features_TD, captions, num_topics=3)
    unit_TD = _unit(features_TD)
    centred_TD = unit_TD - unit_TD.mean(axis=0)
    topics_TK = word_topics(captions, 3).astype(np.float64)
    topics_TK -= topics_TK.mean(axis=0)

    def ridge(rows: list[int], penalty: float) -> NDArray[np.float64]:
        x, y = centred_TD[rows], topics_TK[rows]
        return np.linalg.solve(x.T @ x + penalty * np.eye(WIDTH), x.T @ y)

    everyone = [*range(NUM_IMAGES)]
    penalties = [share * centred_TD.var(axis=0).mean() * NUM_IMAGES for share in PENALTIES]
    errors = []
    for penalty in penalties:
        left_out = [
            centred_TD[i] @ ridge([other for other in everyone if other != i], penalty) - topics_TK[i] for i in everyone
        ]
        errors.append(np.square(left_out).mean())
    others_BD = rng.random((3, WIDTH))
    predicted_BK = (_unit(others_BD) - unit_TD.mean(axis=0)) @ ridge(everyone, penalties[int(np.argmin(errors))])
    np.testing.assert_allclose(_cosines(space, others_BD), _unit(predicted_BK) @ _unit(topics_TK).T, atol=1e-4)


@pytest.mark.parametrize("num_images", [1, 2, 5])
def test_images_that_cannot_be_told_apart_have_no_direction(num_images: int) -> None:
    features_TD = np.ones((num_images, WIDTH), dtype=np.float16)
    for said in (["a dog"], ["."], [""]):
        space = words_space(features_TD, [said] * num_images)
        assert np.isfinite(space.vectors(features_TD)).all()
        assert np.isfinite(space.training_TK).all()
        assert space.vectors(features_TD).shape == (num_images, space.training_TK.shape[1])
