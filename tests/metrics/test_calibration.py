"""Expected calibration error against closed forms, a brute force and torchmetrics."""

import pytest
import torch
from torchmetrics.classification import BinaryCalibrationError

from metrics import WordCalibration, expected_calibration_error, reliability_table


def test_by_hand() -> None:
    confidence_W = torch.tensor([0.1, 0.3, 0.9, 0.7])
    correct_W = torch.tensor([False, True, True, False])
    table = reliability_table(confidence_W, correct_W, num_bins=2)
    assert table.count_K.tolist() == [2, 2]
    assert table.confidence_K.tolist() == pytest.approx([0.2, 0.8])
    assert table.accuracy_K.tolist() == [0.5, 0.5]
    assert expected_calibration_error(confidence_W, correct_W, 2) == pytest.approx((2 * 0.3 + 2 * 0.3) / 4)


def test_predictions_that_are_as_often_right_as_they_claim_have_no_error() -> None:
    confidence_W = torch.tensor([0.25] * 4 + [0.75] * 4)
    correct_W = torch.tensor([1, 0, 0, 0, 1, 1, 1, 0], dtype=torch.bool)
    assert expected_calibration_error(confidence_W, correct_W, 10) == 0


@pytest.mark.parametrize("correct", [True, False])
def test_the_most_certain_are_right_or_wholly_wrong(correct: bool) -> None:
    assert expected_calibration_error(torch.ones(5), torch.full((5,), correct)) == (0 if correct else 1)


@pytest.mark.parametrize("num_bins", [1, 2, 10, 15])
def test_is_that_of_torchmetrics(num_bins: int) -> None:
    confidence_W = torch.rand(2000)
    correct_W = torch.rand(2000) < confidence_W**1.5
    theirs = BinaryCalibrationError(n_bins=num_bins, norm="l1")(confidence_W, correct_W.int())
    ours = expected_calibration_error(confidence_W, correct_W, num_bins)
    assert ours == pytest.approx(theirs.item(), abs=1e-6)
    assert ours > 0.05


def test_the_upper_edge_belongs_to_a_bin_and_zero_to_the_first() -> None:
    """((k − 1) / K, k / K], as in the paper."""
    confidence_W = torch.tensor([0.0, 0.25, 0.5, 0.50001, 1.0], dtype=torch.float64)
    table = reliability_table(confidence_W, torch.ones(5, dtype=torch.bool), num_bins=4)
    assert table.count_K.tolist() == [2, 1, 1, 1]


def test_empty_bins_have_no_confidence_and_count_for_nothing() -> None:
    table = reliability_table(torch.tensor([0.9]), torch.tensor([True]), num_bins=3)
    assert table.confidence_K.isnan().tolist() == table.accuracy_K.isnan().tolist() == [True, True, False]
    assert table.calibration_error == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("confidence", "correct", "num_bins", "message"),
    [
        ([0.5], [True], 0, "num_bins must be at least 1, got 0"),
        ([], [], 5, "expected a confidence for each of one prediction or more"),
        ([0.5, 0.1], [True], 5, r"got \[2\] confidences of \[1\] predictions"),
        ([-0.5], [True], 5, "expected confidences from 0 to 1, got others"),
        ([float("nan")], [True], 5, "expected confidences from 0 to 1, got others"),
    ],
)
def test_refuses_what_is_no_prediction(
    confidence: list[float], correct: list[bool], num_bins: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        reliability_table(torch.tensor(confidence), torch.tensor(correct), num_bins)


def test_words_of_a_repeated_image_count_once() -> None:
    metric = WordCalibration(num_bins=3)
    ids_B, image_of_word_W = torch.tensor([7, 3]), torch.tensor([0, 0, 1])
    confidence_W, correct_W = torch.tensor([0.2, 0.9, 0.5]), torch.tensor([True, True, False])
    metric.update(confidence_W, correct_W, ids_B, image_of_word_W)
    metric.update(confidence_W[:2], correct_W[:2], ids_B[:1], image_of_word_W[:2])
    expected = reliability_table(confidence_W, correct_W, 3)
    torch.testing.assert_close(metric.compute(), expected, equal_nan=True)


def test_the_metric_needs_words_and_bins() -> None:
    with (
        pytest.warns(UserWarning, match="compute"),
        pytest.raises(ValueError, match="WordCalibration has no word to look at"),
    ):
        WordCalibration(num_bins=3).compute()
    with pytest.raises(ValueError, match="num_bins must be at least 2, got 1"):
        WordCalibration(num_bins=1)
