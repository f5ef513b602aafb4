"""Consensus re-ranking: the candidate first that is most like the references of similar training images.

Devlin et al., "Exploring nearest neighbor approaches for image captioning" (2015), section 3; Mao et al., "Deep
captioning with multimodal recurrent neural networks (m-RNN)" (ICLR 2015), appendix.

Shape legend: N candidates, image by image, B images, T training images, D features, K = k nearest training images,
X captions of the image whose neighbours have most.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metrics.cider import SCALE, cider_d_similarities
from metrics.document_frequencies import DocumentFrequencies
from metrics.ngrams import Floats, Integers, Tokens
from metrics.paired_captions import PairedCaptions
from metrics.ptb_tokenizer import ptb_tokenize

NUM_NEAREST, NUM_CAPTIONS = 60, 125  # k and m of the m-RNN code for CIDEr
CELLS_AT_ONCE = 1 << 21  # of matrices of similarities: bounds the memory


class Neighbours(NamedTuple):
    """The training images that are most like each evaluated image, and their captions.

    Attributes:
        nearest_BK: For each evaluated image the numbers of its nearest training images (see `nearest_images`).
        training_captions: The captions of each training image, by number.
        num_captions: m: how many of the neighbours' captions, the most similar ones, count.
    """

    nearest_BK: Integers
    training_captions: Sequence[Sequence[str]]
    num_captions: int = NUM_CAPTIONS


def nearest_images(features_BD: NDArray, training_features_TD: NDArray, num_nearest: int = NUM_NEAREST) -> Integers:
    """Return for each image its nearest training images by the cosine of features, nearest first: [B, K].

    Of equally near ones the first; an image or a training image without features (all 0) has cosine 0 with all.

    Raises:
        ValueError: The shapes do not fit, a feature is not finite, or there are fewer training images than asked for.
    """
    _check_features(features_BD, training_features_TD, num_nearest)
    norm_T = np.linalg.norm(training_features_TD, axis=1)
    step = max(CELLS_AT_ONCE // len(norm_T), 1)
    nearest = [np.zeros((0, num_nearest), dtype=np.int64)]
    for start in range(0, len(features_BD), step):
        # An image's own norm scales its whole row, which leaves the order as it is.
        product_BT = (features_BD[start : start + step] @ training_features_TD.T).astype(np.float64)
        similarity_BT = np.divide(product_BT, norm_T, out=np.zeros_like(product_BT), where=norm_T > 0)
        nearest.append(np.argsort(-similarity_BT, axis=1, kind="stable")[:, :num_nearest])
    return np.concatenate(nearest)


def consensus_scores(
    candidates: Sequence[Tokens],
    image_of_candidate_N: Integers,
    neighbours: Neighbours,
    frequencies: DocumentFrequencies | None = None,
) -> Floats:
    """Return the consensus score of each candidate, 0 to 10: [N].

    The mean CIDEr-D of the candidate with each of the m captions most similar to it among those of the k nearest
    training images (Devlin et al. 2015, equation 1); with all of them where they are fewer.

    Args:
        candidates: The candidates, as tokens, image by image.
        image_of_candidate_N: The image of each candidate; non-decreasing.
        neighbours: The nearest training images of each image.
        frequencies: Document frequencies of CIDEr-D; None for those of the training captions.

    Raises:
        ValueError: The neighbours do not fit the images, or an image's neighbours have no caption.
    """
    counts_B = np.bincount(image_of_candidate_N)
    _check_neighbours(neighbours, len(counts_B))
    # with frequencies at hand, only the captions of the neighbours are looked at: a batch of images is ranked quickly
    asked = range(len(neighbours.training_captions)) if frequencies is None else np.unique(neighbours.nearest_BK)
    training: dict[int, list[Tokens]] = {
        image: [ptb_tokenize(caption) for caption in neighbours.training_captions[image]] for image in asked
    }
    frequencies = DocumentFrequencies.of([*training.values()]) if frequencies is None else frequencies
    captions = [[caption for image in nearest for caption in training[image]] for nearest in neighbours.nearest_BK]
    scores = [
        _mean_of_most_similar(pairs, frequencies, neighbours.num_captions)
        for pairs in _blocks(candidates, image_of_candidate_N, captions)
    ]
    return np.concatenate(scores)


def _blocks(
    candidates: Sequence[Tokens], image_of_candidate_N: Integers, captions: list[list[Tokens]]
) -> Iterator[PairedCaptions]:
    """Yield the candidates of some images beside the captions of their neighbours."""
    widest = int(np.bincount(image_of_candidate_N).max()) * max(map(len, captions))
    step = max(CELLS_AT_ONCE // widest, 1)
    for start in range(0, len(captions), step):
        first, last = np.searchsorted(image_of_candidate_N, (start, start + step))
        images = image_of_candidate_N[first:last] - start
        yield PairedCaptions(candidates[first:last], captions[start : start + step], images)


def _mean_of_most_similar(pairs: PairedCaptions, frequencies: DocumentFrequencies, num_captions: int) -> Floats:
    counts_B = np.bincount(pairs.image_of_reference_R)
    similarity_NX = np.sort(cider_d_similarities(pairs, frequencies), axis=1)  # what fills up is 0: first
    among_N = np.minimum(num_captions, counts_B)[pairs.image_of_candidate_N]
    return SCALE * similarity_NX[:, -num_captions:].sum(axis=1) / among_N


def _check_features(features_BD: NDArray, training_features_TD: NDArray, num_nearest: int) -> None:
    shapes = (features_BD.shape, training_features_TD.shape)
    if features_BD.ndim != 2 or training_features_TD.ndim != 2 or shapes[0][1] != shapes[1][1]:
        raise ValueError(f"expected features [images, D] and [training images, D] of one width D, got {shapes}")
    if not 1 <= num_nearest <= len(training_features_TD):
        raise ValueError(f"expected 1 to {len(training_features_TD)} nearest of as many images, got {num_nearest}")
    if not (np.isfinite(features_BD).all() and np.isfinite(training_features_TD).all()):
        raise ValueError("expected finite features, got NaN or infinity; look for the images that gave them")


def _check_neighbours(neighbours: Neighbours, num_images: int) -> None:
    nearest_BK, captions = neighbours.nearest_BK, neighbours.training_captions
    if nearest_BK.ndim != 2 or len(nearest_BK) != num_images or not nearest_BK.size:
        raise ValueError(f"expected nearest_BK of shape [{num_images} images, k], got {nearest_BK.shape}")
    if not 0 <= nearest_BK.min() <= nearest_BK.max() < len(captions):
        raise ValueError(f"expected numbers of the {len(captions)} training images in nearest_BK, got others")
    if neighbours.num_captions < 1:
        raise ValueError(f"expected num_captions of at least 1, got {neighbours.num_captions}")
    num_captions_B = np.array([len(of_image) for of_image in captions])[nearest_BK].sum(axis=1)
    if not num_captions_B.all():
        raise ValueError(f"expected captions of the neighbours of image {num_captions_B.argmin()}, got none; raise k")
