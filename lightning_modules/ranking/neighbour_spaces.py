"""Spaces in which similar images are near to each other: where the neighbours of an image are looked for.

Each is a linear map of the features of an image, fitted in closed form to the training images.

Shape legend: B images, T training images, D features, K dimensions of a space.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from metrics import ptb_tokenize

Floats = NDArray[np.float32]
Neighbourhood = Literal["cosine", "words"]

NEIGHBOURHOODS: tuple[Neighbourhood, ...] = ("cosine", "words")
NUM_TOPICS = 200  # of the training images' words
PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)  # of the ridge regression, in shares of all features' variance


class NeighbourSpace(NamedTuple):
    """A map from the features of an image to a vector, and the vectors of the training images.

    Attributes:
        mean_D: What is taken from the features, once their length is 1.
        map_DK: What the rest is multiplied with.
        training_TK: The vectors of the training images, which are compared with the others by cosine.
    """

    mean_D: Floats
    map_DK: Floats
    training_TK: Floats

    def vectors(self, features_BD: NDArray) -> Floats:
        """Return where images are: [B, K]."""
        return np.asarray((unit_rows(features_BD) - self.mean_D) @ self.map_DK, dtype=np.float32)


def unit_rows(features_BD: NDArray) -> Floats:
    """Return the rows with length 1; those of 0 as they are."""
    features_BD = features_BD.astype(np.float32)
    norm_B1 = np.linalg.norm(features_BD, axis=1, keepdims=True)
    return np.divide(features_BD, norm_B1, out=np.zeros_like(features_BD), where=norm_B1 > 0)


def words_space(
    features_TD: NDArray, captions: Sequence[Sequence[str]], num_topics: int = NUM_TOPICS
) -> NeighbourSpace:
    """Return the space of words: near to an image are training images whose captions use the words that it suggests.

    The captions of each training image are a TF-IDF bag of words, of which the first singular directions are kept
    (latent semantic indexing; Deerwester et al. 1990). Ridge regression predicts these from the features; its penalty
    has the least squared error of leaving one image out.

    Args:
        features_TD: Of the training images.
        captions: Theirs.
        num_topics: At most how many directions.
    """
    from sklearn.linear_model import RidgeCV  # here: importing it takes a second

    unit_TD = unit_rows(features_TD)
    mean_D = unit_TD.mean(axis=0)
    topics_TK = word_topics(captions, num_topics)
    topics_TK = topics_TK - topics_TK.mean(axis=0)
    centred_TD = (unit_TD - mean_D).astype(np.float64)
    variance = centred_TD.var(axis=0).mean() * len(centred_TD)
    if not variance or not topics_TK.size:  # nothing tells these images apart
        return NeighbourSpace(mean_D, np.zeros((unit_TD.shape[1], topics_TK.shape[1]), np.float32), topics_TK)
    ridge = RidgeCV([penalty * variance for penalty in PENALTIES], fit_intercept=False).fit(centred_TD, topics_TK)
    return NeighbourSpace(mean_D, ridge.coef_.reshape(topics_TK.shape[1], -1).T.astype(np.float32), topics_TK)


def word_topics(captions: Sequence[Sequence[str]], num_topics: int) -> Floats:
    """Return the TF-IDF vectors of images' captions in their first singular directions: [T, K]."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # here: importing it takes a second
    from sklearn.utils.extmath import randomized_svd

    words = [[word for caption in of_image for word in ptb_tokenize(caption)] for of_image in captions]
    if not any(words):
        return np.zeros((len(words), 0), dtype=np.float32)
    frequencies_TW = TfidfVectorizer(analyzer=list, sublinear_tf=True, dtype=np.float64).fit_transform(words)
    left_TK, singular_K, _ = randomized_svd(frequencies_TW, min(num_topics, *frequencies_TW.shape), random_state=0)
    return np.asarray(left_TK * singular_K, dtype=np.float32)
