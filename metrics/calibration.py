"""Whether probabilities are what they claim to be: of words predicted with 80 %, are 80 % right?

Shape legend: B images, W words, K bins.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from metrics.rows_by_image import RowsByImage, places_of


class ReliabilityTable(NamedTuple):
    """Predictions by their confidence, in bins of equal width: what a reliability diagram shows.

    Attributes:
        count_K: Predictions in each bin, from the least confident on.
        confidence_K: Their mean confidence; NaN in an empty bin.
        accuracy_K: The share of them that is right; NaN in an empty bin.
    """

    count_K: Tensor
    confidence_K: Tensor
    accuracy_K: Tensor

    @property
    def calibration_error(self) -> float:
        """The expected calibration error: Σ_k n_k / n · |accuracy_k − confidence_k| (Guo et al. 2017, equation 3)."""
        gap_K = (self.accuracy_K - self.confidence_K).abs().nan_to_num()
        return float((self.count_K * gap_K).sum() / self.count_K.sum())


def reliability_table(confidence_W: Tensor, correct_W: Tensor, num_bins: int) -> ReliabilityTable:
    """Sort predictions into bins ((k − 1) / K, k / K] of confidence (Guo et al. 2017, section 2).

    Args:
        confidence_W: The probability of each prediction, in [0, 1].
        correct_W: Whether it was right.
        num_bins: K.

    Raises:
        ValueError: There is no prediction, a confidence is no probability, or K is below 1.
    """
    if num_bins < 1:
        raise ValueError(f"num_bins must be at least 1, got {num_bins}")
    if confidence_W.shape != correct_W.shape or confidence_W.ndim != 1 or not len(confidence_W):
        raise ValueError(
            f"expected a confidence for each of one prediction or more, got {[*confidence_W.shape]} confidences of "
            f"{[*correct_W.shape]} predictions"
        )
    confidence_W = confidence_W.double().contiguous()
    if not bool(((confidence_W >= 0) & (confidence_W <= 1)).all()):
        raise ValueError("expected confidences from 0 to 1, got others; hand over probabilities, not their logarithms")
    inner_edges = torch.linspace(0, 1, num_bins + 1, dtype=torch.float64, device=confidence_W.device)[1:-1]
    bin_W = torch.bucketize(confidence_W, inner_edges)
    count_K = torch.bincount(bin_W, minlength=num_bins)
    confidence_K = torch.bincount(bin_W, confidence_W, minlength=num_bins) / count_K
    accuracy_K = torch.bincount(bin_W, correct_W.double(), minlength=num_bins) / count_K
    return ReliabilityTable(count_K, confidence_K, accuracy_K)


def expected_calibration_error(confidence_W: Tensor, correct_W: Tensor, num_bins: int = 15) -> float:
    """Return the expected calibration error, from 0 to 1; arguments and errors as of `reliability_table`."""
    return reliability_table(confidence_W, correct_W, num_bins).calibration_error


class WordCalibration(RowsByImage):
    """Gathers predictions of the words of a split's captions; each counts once, on any number of processes.

    Args:
        num_bins: Bins of the table, two or more.

    Raises:
        ValueError: There are fewer bins.
    """

    def __init__(self, num_bins: int) -> None:
        super().__init__()
        if num_bins < 2:
            raise ValueError(f"num_bins must be at least 2, got {num_bins}")
        self.num_bins = num_bins

    def update(self, confidence_W: Tensor, correct_W: Tensor, image_ids_B: Tensor, image_of_word_W: Tensor) -> None:
        """Add the words of all captions of some images.

        Args:
            confidence_W: The probability of the word that was likeliest in each place.
            correct_W: Whether that is the word that stands there.
            image_ids_B: The images' ids.
            image_of_word_W: For each word the row of its image; those of an image stand together.
        """
        row_W2 = torch.stack([confidence_W.double(), correct_W.double()], dim=1)
        self.add(image_ids_B[image_of_word_W], row_W2, places_of(image_of_word_W))

    def compute(self) -> ReliabilityTable:
        """Return the table of all words.

        Raises:
            ValueError: No word was added.
        """
        rows_W2 = self.distinct()
        if rows_W2 is None:
            raise ValueError("WordCalibration has no word to look at; call update() first")
        confidence_W, correct_W = rows_W2.unbind(dim=1)
        return reliability_table(confidence_W, correct_W, self.num_bins)
