"""Self-CIDEr: how many different things an image's captions mention, by the spectrum of their similarities.

Wang and Chan, "Describing like humans: on diversity in image captioning" (CVPR 2019).

Shape legend: N captions, image by image, B images, X captions of the image that has most.
"""

from collections.abc import Iterator

import numpy as np

from metrics.cider import similarities
from metrics.diversity.caption_sets import CaptionSets
from metrics.document_frequencies import DocumentFrequencies
from metrics.ngrams import Floats, Tokens
from metrics.paired_captions import PairedCaptions
from utils.progress import SHOWN_AFTER, progress_bar

CELLS_AT_ONCE = 1 << 17  # of the kernel matrices: fit a cache, and progress can be seen
ROUNDING = 1e-12  # eigenvalues below this share of the largest are 0 but for rounding


def self_cider(sets: CaptionSets, frequencies: DocumentFrequencies) -> Floats:
    """Return Self-CIDEr of each image, 0 (all are the same) to 1 (they share no n-gram): [B].

    −ln(√λ_max / Σ √λ_i) / ln N for the eigenvalues λ of the N × N kernel matrix (section 3.2 of the paper). The kernel
    is CIDEr without the factor of ten: the mean over n = 1…4 of the cosine between TF-IDF vectors of n-grams, neither
    clipped nor penalized for length, which keeps it positive semi-definite; so it is in the code of Luo and
    Shakhnarovich (2020), too. A caption of fewer than four words has vectors of some orders only, so its similarity to
    itself is less than 1 and it weighs less; where no caption has an n-gram of weight the score is 0.

    Args:
        sets: The captions of each image, at least two.
        frequencies: Document frequencies of the n-grams, commonly those of the references of the evaluated images.

    Raises:
        ValueError: The frequencies are those of a single image, which give every n-gram the weight 0.
    """
    if frequencies.num_images < 2:
        raise ValueError("expected document frequencies of at least two images for Self-CIDEr, got those of one")
    diversity = []
    with progress_bar(
        total=len(sets.counts_B), desc="Self-CIDEr", unit="image", delay=SHOWN_AFTER, leave=False
    ) as progress:
        for kernel_BXX, counts_B in _kernels(sets, frequencies):
            diversity.append(_spectral_diversity(kernel_BXX, counts_B))
            progress.update(len(counts_B))
    return np.concatenate(diversity)


def _kernels(sets: CaptionSets, frequencies: DocumentFrequencies) -> Iterator[tuple[Floats, Floats]]:
    """Yield kernel matrices of some images, [B, X, X], 0 beyond an image's captions, and their numbers of captions."""
    most = int(sets.counts_B.max())
    step = max(CELLS_AT_ONCE // most**2, 1)
    for start in range(0, len(sets.counts_B), step):
        counts_B = sets.counts_B[start : start + step].astype(np.float64)
        yield _kernel(sets.by_image[start : start + step], frequencies), counts_B


def _kernel(captions: list[list[Tokens]], frequencies: DocumentFrequencies) -> Floats:
    image_of_caption_N = np.repeat(np.arange(len(captions)), list(map(len, captions)))
    pairs = PairedCaptions([one for of_image in captions for one in of_image], captions, image_of_caption_N)
    similarity_NX = similarities(pairs, frequencies, clipped=False)
    kernel_BXX = np.zeros((len(captions), similarity_NX.shape[1], similarity_NX.shape[1]))
    kernel_BXX[image_of_caption_N, pairs.slot_of_reference_R] = similarity_NX
    return kernel_BXX


def _spectral_diversity(kernel_BXX: Floats, counts_B: Floats) -> Floats:
    eigenvalues_BX = np.linalg.eigvalsh(kernel_BXX)  # those of the padding are 0 and add nothing to the sum
    largest_B = eigenvalues_BX[:, -1]
    tokens_B = largest_B > 0
    roots_BX = np.sqrt(np.where(eigenvalues_BX > ROUNDING * largest_B[:, None], eigenvalues_BX, 0.0))
    ratio_B = np.divide(roots_BX.sum(axis=1), roots_BX[:, -1], out=np.ones_like(counts_B), where=tokens_B)
    return np.log(ratio_B) / np.log(counts_B)
