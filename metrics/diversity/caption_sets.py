"""The captions of each image, as one row of captions: what every diversity metric looks at.

Shape legend: N captions, image by image, B images, K distinct n-grams of each caption.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from metrics.ngrams import Integers, NgramCounts, Tokens, count_ngrams, lengths
from metrics.paired_captions import MAX_ORDER, PairedCaptions, slots


class CaptionSets:
    """Several captions of each image, as tokens, with their n-grams; the numbers of captions may differ.

    Attributes:
        captions: The captions, N of them, image by image, best first within an image.
        counts_B: The number of captions of each image.
        image_of_caption_N: The image of each caption, from 0; non-decreasing.
        ngrams: For each order from 1 to `MAX_ORDER` the n-grams of the captions.

    Args:
        captions: See above.
        counts: See above.
        ngrams: See above.

    Raises:
        ValueError: There is no image, or one has fewer than two captions, which have no diversity.
    """

    def __init__(self, captions: Sequence[Tokens], counts: Integers, ngrams: list[NgramCounts]) -> None:
        self.captions = captions
        self.counts_B = counts
        self.image_of_caption_N = np.repeat(np.arange(len(counts)), counts)
        self.ngrams = ngrams
        if not len(counts):
            raise ValueError("expected captions of at least one image to measure how they differ, got none")
        refuse_lone_captions(counts)

    @classmethod
    def of(cls, sets: Sequence[Sequence[Tokens]]) -> "CaptionSets":
        """Join the captions of each image; raises as the class does."""
        captions = [caption for captions in sets for caption in captions]
        counts_B = np.array([len(captions) for captions in sets], dtype=np.int64)
        return cls(captions, counts_B, count_ngrams(captions, MAX_ORDER))

    @classmethod
    def of_candidates(cls, pairs: PairedCaptions) -> "CaptionSets":
        """Look at candidates, image by image, whose n-grams are counted already; raises as the class does."""
        assert (np.diff(pairs.image_of_candidate_N) >= 0).all()
        counts_B = np.bincount(pairs.image_of_candidate_N, minlength=len(pairs.references))
        return cls(pairs.candidates, counts_B, [candidates for candidates, _ in pairs.ngrams])

    @cached_property
    def slot_of_caption_N(self) -> Integers:
        """Which of its image's captions each caption is, from 0."""
        return slots(self.image_of_caption_N)

    @cached_property
    def lengths_N(self) -> Integers:
        """Words of each caption."""
        return lengths(self.captions)

    @cached_property
    def by_image(self) -> list[list[Tokens]]:
        """The captions of each image."""
        ends_B = np.cumsum(self.counts_B).tolist()
        return [list(self.captions[end - count : end]) for end, count in zip(ends_B, self.counts_B, strict=True)]

    def best(self, most: int) -> "CaptionSets":
        """Return the first `most` captions of each image, or all where an image has fewer."""
        kept_N = self.slot_of_caption_N < most
        number_N = np.cumsum(kept_N) - 1
        captions = [caption for caption, kept in zip(self.captions, kept_N, strict=True) if kept]
        ngrams = [_keep(counts, kept_N, number_N) for counts in self.ngrams]
        return CaptionSets(captions, np.minimum(self.counts_B, most), ngrams)


def refuse_lone_captions(counts_B: Integers) -> None:
    """Refuse images that have one caption, which differs from no other.

    Raises:
        ValueError: There are some.
    """
    alone = np.flatnonzero(counts_B < 2)
    if len(alone):
        raise ValueError(
            f"expected at least two captions of each image to measure how they differ, got fewer for {len(alone)} "
            f"of {len(counts_B)} images (first for number {alone[0]}); generate several, as generation=sample does"
        )


def _keep(counts: NgramCounts, kept_N: NDArray[np.bool_], number_N: Integers) -> NgramCounts:
    kept_K = kept_N[counts.caption_K]
    caption_K, ngram_K, count_K = (column[kept_K] for column in counts[:3])
    return NgramCounts(number_N[caption_K], ngram_K, count_K, counts.where_G)
