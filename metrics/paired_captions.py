"""Candidate captions beside the references of their images: what every accuracy metric compares.

Shape legend: N candidates, B images, R references of all images, one image after the other,
X references of the image that has most.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from metrics.caption_metric import ImageCaptions
from metrics.ngrams import Integers, NgramCounts, Tokens, count_ngrams, lengths
from metrics.ptb_tokenizer import ptb_tokenize
from utils.progress import SHOWN_AFTER, progress_bar

MAX_ORDER = 4  # BLEU-4 and CIDEr look at up to four words in a row


class PairedCaptions:
    """Candidates, each with the references of its image, as tokens; their n-grams are counted once for all metrics.

    Attributes:
        candidates: The captions to score, N of them.
        references: For each of B images its reference captions.
        image_of_candidate_N: The image of each candidate.
        image_of_reference_R: The image of each reference; non-decreasing.
        slot_of_reference_R: Which of its image's references each reference is, from 0.

    Args:
        candidates: See above.
        references: See above.
        image_of_candidate: See above; None where there is one candidate for each image, in order.

    Raises:
        ValueError: The numbers of candidates and images do not fit, or an image has no reference.
    """

    def __init__(
        self,
        candidates: Sequence[Tokens],
        references: Sequence[Sequence[Tokens]],
        image_of_candidate: Sequence[int] | Integers | None = None,
    ) -> None:
        images = range(len(references)) if image_of_candidate is None else image_of_candidate
        if len(images) != len(candidates):
            raise ValueError(
                f"expected an image for each of the {len(candidates)} candidates, got {len(images)}; "
                f"give image_of_candidate where images have other than one candidate"
            )
        self.candidates = candidates
        self.references = references
        self.image_of_candidate_N = np.asarray(images, dtype=np.int64)
        outside = (self.image_of_candidate_N < 0) | (self.image_of_candidate_N >= len(references))
        if outside.any():
            raise ValueError(
                f"expected image_of_candidate between 0 and {len(references) - 1}, "
                f"got {self.image_of_candidate_N[outside][0]}"
            )
        counts_B = np.fromiter(map(len, references), dtype=np.int64, count=len(references))
        if not counts_B.all():
            raise ValueError(
                f"expected at least one reference for each image, got none for image {int(counts_B.argmin())}"
            )
        self.image_of_reference_R = np.repeat(np.arange(len(references)), counts_B)
        self.slot_of_reference_R = slots(self.image_of_reference_R)

    @cached_property
    def candidate_lengths_N(self) -> Integers:
        """Words of each candidate."""
        return lengths(self.candidates)

    @cached_property
    def reference_lengths_R(self) -> Integers:
        """Words of each reference."""
        return lengths(self._flat_references)

    @cached_property
    def reference_lengths_BX(self) -> Integers:
        """Words of each image's references, the last of them repeated up to X, the most that an image has."""
        most = max(map(len, self.references), default=0)
        first_B = np.searchsorted(self.image_of_reference_R, np.arange(len(self.references)))
        last_B = np.searchsorted(self.image_of_reference_R, np.arange(len(self.references)), side="right") - 1
        return self.reference_lengths_R[np.minimum(first_B[:, None] + np.arange(most), last_B[:, None])]

    @cached_property
    def ngrams(self) -> list[tuple[NgramCounts, NgramCounts]]:
        """For each order from 1 to `MAX_ORDER` the n-grams of the candidates and of the references."""
        both = count_ngrams([*self.candidates, *self._flat_references], MAX_ORDER)
        return [_split(counts, len(self.candidates)) for counts in both]

    def spell(self, order: int) -> list[str]:
        """Return every n-gram of one order by its number, words with spaces between."""
        row = [word for caption in (*self.candidates, *self._flat_references) for word in caption]
        where_G = self.ngrams[order - 1][0].where_G
        return [" ".join(row[start : start + order]) for start in where_G.tolist()]

    @cached_property
    def _flat_references(self) -> list[Tokens]:
        return [caption for captions in self.references for caption in captions]


def first_candidates(images: Sequence[ImageCaptions]) -> PairedCaptions:
    """Return the first, which is the best-ranked, candidate of each image beside its references, tokenized."""
    return PairedCaptions(
        [ptb_tokenize(image.candidates[0]) for image in images],
        [[ptb_tokenize(caption) for caption in image.references] for image in images],
    )


def all_candidates(images: Sequence[ImageCaptions]) -> PairedCaptions:
    """Return every candidate beside the references of its image, tokenized; image by image."""
    candidates: list[Tokens] = []
    references: list[list[Tokens]] = []
    for image in progress_bar(images, desc="tokenizing captions", unit="image", delay=SHOWN_AFTER, leave=False):
        candidates += map(ptb_tokenize, image.candidates)
        references.append([ptb_tokenize(caption) for caption in image.references])
    return PairedCaptions(
        candidates,
        references,
        np.repeat(np.arange(len(images)), [len(image.candidates) for image in images]),
    )


def slots(image_of_caption_N: Integers) -> Integers:
    """Return which of its image's captions each caption is, from 0; captions come image by image."""
    first_N = np.searchsorted(image_of_caption_N, image_of_caption_N)
    return np.arange(len(image_of_caption_N)) - first_N


def _split(counts: NgramCounts, first: int) -> tuple[NgramCounts, NgramCounts]:
    """Part the counts of the first captions from those of the others, which are numbered from 0 again."""
    border = int(np.searchsorted(counts.caption_K, first))
    before, after = (
        NgramCounts(counts.caption_K[part], counts.ngram_K[part], counts.count_K[part], counts.where_G)
        for part in (slice(border), slice(border, None))
    )
    return before, after._replace(caption_K=after.caption_K - first)
