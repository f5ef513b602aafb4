"""All scores of a set of captions as one metric, for validation and test."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from metrics.caption_metric import CaptionMetric, ImageCaptions
from metrics.diversity.caption_sets import refuse_lone_captions
from metrics.document_frequencies import DocumentFrequencies
from metrics.scorer import score_captions


class CaptionScores(CaptionMetric):
    """The scores of `score_captions`, without METEOR and novelty; exact on any number of processes.

    Args:
        several: Whether all captions of an image are scored, which adds consistency and diversity; otherwise the first.
        document_frequencies: A file that `DocumentFrequencies.save` wrote; None to count in the evaluated references.

    Attributes:
        frequencies: Of the file; None where they are counted in the evaluated references.

    Raises:
        ValueError: The file is not there or holds no document frequencies.
    """

    higher_is_better = True

    def __init__(self, *, several: bool = False, document_frequencies: str | Path | None = None) -> None:
        super().__init__()
        self.needs_several = several
        path = document_frequencies
        self.frequencies = None if path is None else DocumentFrequencies.load(Path(path))

    def score(self, images: Sequence[ImageCaptions]) -> dict[str, float]:
        """Return the scores by name.

        Raises:
            ValueError: Several captions are to be scored, and an image has one.
        """
        if not self.needs_several:
            return score_captions(
                [image._replace(candidates=image.candidates[:1]) for image in images], frequencies=self.frequencies
            )
        refuse_lone_captions(np.array([len(image.candidates) for image in images]))
        return score_captions(images, frequencies=self.frequencies)
