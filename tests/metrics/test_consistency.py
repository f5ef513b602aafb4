import numpy as np
import pytest

from metrics.consistency import consistency
from metrics.spread import spread
from tests.metrics.diversity.plain import mean

IMAGE_OF = np.array([0, 0, 0, 1, 2, 2])
SCORE = np.array([0.5, 0.25, 0.75, 4.0, -1.0, 3.0])


def test_spread_by_hand() -> None:
    of_images = spread(SCORE, IMAGE_OF)
    assert of_images.mean_B.tolist() == [0.5, 4.0, 1.0]
    assert of_images.min_B.tolist() == [0.25, 4.0, -1.0]
    assert of_images.oracle_B.tolist() == [0.75, 4.0, 3.0]


@pytest.mark.parametrize("counts", [[1], [2, 2], [3, 3, 3], [6, 1, 4, 2], [5] * 4])
def test_spread_is_what_plain_loops_give(counts: list[int]) -> None:
    scores = [np.random.default_rng(count).normal(size=count) for count in counts]
    of_images = spread(np.concatenate(scores), np.repeat(range(len(counts)), counts))
    assert of_images.mean_B.tolist() == pytest.approx([mean(list(of_image)) for of_image in scores])
    assert of_images.min_B.tolist() == [min(of_image) for of_image in scores]
    assert of_images.oracle_B.tolist() == [max(of_image) for of_image in scores]


def test_images_weigh_alike_and_each_score_has_its_names() -> None:
    assert consistency({"x": SCORE, "y": 2 * SCORE}, IMAGE_OF) == pytest.approx(
        {
            "mean/x": (0.5 + 4 + 1) / 3,
            "mean/y": 2 * (0.5 + 4 + 1) / 3,
            "min/x": (0.25 + 4 - 1) / 3,
            "min/y": 2 * (0.25 + 4 - 1) / 3,
            "oracle/x": (0.75 + 4 + 3) / 3,
            "oracle/y": 2 * (0.75 + 4 + 3) / 3,
        }
    )
