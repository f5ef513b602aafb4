"""CIDEr and CIDEr-D: how alike captions are in their n-grams, rare ones weighing more.

Vedantam, Zitnick and Parikh, "CIDEr: Consensus-based Image Description Evaluation" (CVPR 2015).

Shape legend: N candidates, B images, R references, X references of the image that has most, K distinct n-grams of each
caption, G distinct n-grams, J pairs of a candidate's and a reference's n-gram that are the same.
"""

import numpy as np

from metrics.document_frequencies import DocumentFrequencies
from metrics.ngrams import Floats, Integers, NgramCounts, distinct_keys, join
from metrics.paired_captions import PairedCaptions

SCALE = 10.0  # the authors' code multiplies both scores by ten
LENGTH_SIGMA = 6.0  # of CIDEr-D's length penalty, in words


def cider(pairs: PairedCaptions, frequencies: DocumentFrequencies | None = None) -> Floats:
    """Return CIDEr of each candidate: [N].

    The mean over n = 1…4 and over the references of the cosine between the captions' TF-IDF vectors of n-grams
    (equations 2 and 3), times ten. Words are taken as they are: the paper stems them first, published scores do not.

    Args:
        pairs: Candidates and references.
        frequencies: Document frequencies of another corpus; None for those of the references.
    """
    return _mean_over_references(pairs, similarities(pairs, frequencies, clipped=False))


def cider_d(pairs: PairedCaptions, frequencies: DocumentFrequencies | None = None) -> Floats:
    """Return CIDEr-D of each candidate: [N]; "CIDEr" in the COCO caption evaluation and in most papers.

    As CIDEr, but an n-gram counts at most as often as in the reference, and each reference counts
    e^(−(l_c − l_r)² / 2σ²) for the difference in length (equation 4). Arguments as for `cider`.
    """
    return _mean_over_references(pairs, cider_d_similarities(pairs, frequencies))


def cider_d_similarities(pairs: PairedCaptions, frequencies: DocumentFrequencies | None) -> Floats:
    """Return the terms that CIDEr-D averages, of each candidate and each reference of its image, 0 to 1: [N, X].

    0 beyond the references. Arguments as for `cider`.
    """
    delta_NX = pairs.candidate_lengths_N[:, None] - pairs.reference_lengths_BX[pairs.image_of_candidate_N]
    penalty_NX = np.exp(-(delta_NX**2) / (2 * LENGTH_SIGMA**2))
    return penalty_NX * similarities(pairs, frequencies, clipped=True)


def similarities(pairs: PairedCaptions, frequencies: DocumentFrequencies | None, *, clipped: bool) -> Floats:
    """Return how alike each candidate and each reference of its image are, 0 to 1: [N, X], 0 beyond the references.

    Args:
        pairs: Candidates and references.
        frequencies: Document frequencies of another corpus; None for those of the references.
        clipped: Whether an n-gram counts at most as often as in the reference.
    """
    orders = range(1, len(pairs.ngrams) + 1)
    by_order = [
        _cosines(pairs, candidates, references, _idf(pairs, order, frequencies), clipped=clipped)
        for order, (candidates, references) in zip(orders, pairs.ngrams, strict=True)
    ]
    return sum(by_order[1:], start=by_order[0]) / len(by_order)


def _cosines(
    pairs: PairedCaptions, candidates: NgramCounts, references: NgramCounts, idf_G: Floats, *, clipped: bool
) -> Floats:
    """Return the cosine of TF-IDF vectors of one order for each candidate and each reference of its image: [N, X]."""
    candidate_K = candidates.count_K * idf_G[candidates.ngram_K]
    reference_K = references.count_K * idf_G[references.ngram_K]
    at_candidate_J, at_reference_J = join(
        candidates.keys(pairs.image_of_candidate_N), references.keys(pairs.image_of_reference_R)
    )
    value_J = candidate_K[at_candidate_J]
    other_J = reference_K[at_reference_J]
    product_J = (np.minimum(value_J, other_J) if clipped else value_J) * other_J
    candidate_J = candidates.caption_K[at_candidate_J]
    reference_J = references.caption_K[at_reference_J]
    num_candidates, most = len(pairs.candidates), pairs.reference_lengths_BX.shape[1]
    cell_J = candidate_J * most + pairs.slot_of_reference_R[reference_J]
    norm_N = _norms(candidates.caption_K, candidate_K, num_candidates)
    norm_R = _norms(references.caption_K, reference_K, len(pairs.image_of_reference_R))
    normalised_J = product_J / np.maximum(norm_N[candidate_J] * norm_R[reference_J], np.finfo(float).tiny)
    cosine_NX = np.bincount(cell_J, normalised_J, num_candidates * most).reshape(num_candidates, most)
    return cosine_NX.astype(np.float64, copy=False)


def _idf(pairs: PairedCaptions, order: int, frequencies: DocumentFrequencies | None) -> Floats:
    """Return log(images / images whose references contain the n-gram), by its number: [G]; at most log(images)."""
    references = pairs.ngrams[order - 1][1]
    num_ngrams = len(references.where_G)
    if frequencies is None:
        num_images = len(pairs.references)
        distinct = distinct_keys(references.keys(pairs.image_of_reference_R))
        num_images_G = np.bincount(distinct % max(num_ngrams, 1), None, num_ngrams)
    else:
        num_images = frequencies.num_images
        num_images_G = np.array([frequencies.counts.get(ngram, 0) for ngram in pairs.spell(order)])
    return np.log(num_images) - np.log(np.maximum(num_images_G, 1))


def _norms(caption_K: Integers, value_K: Floats, num_captions: int) -> Floats:
    return np.sqrt(np.bincount(caption_K, value_K**2, num_captions))


def _mean_over_references(pairs: PairedCaptions, similarity_NX: Floats) -> Floats:
    counts_B = np.bincount(pairs.image_of_reference_R, minlength=len(pairs.references))
    return SCALE * similarity_NX.sum(axis=1) / counts_B[pairs.image_of_candidate_N]
