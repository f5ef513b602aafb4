import numpy as np
import pytest

from metrics.self_retrieval import self_retrieval


def test_hand_values() -> None:
    """Two captions of image 0, at ranks 1 and 2; one of image 1 at rank 1; two of image 2, both at rank 3."""
    scores = np.array([[3, 1, 2], [2, 3, 1], [0, 1, 0], [3, 2, 1], [1, 1, 1]], dtype=np.float32)
    assert self_retrieval(scores, np.array([0, 0, 1, 2, 2])) == pytest.approx(
        {
            "recall@1": 2 / 5,
            "recall@5": 1,
            "recall@10": 1,
            "median-rank": 2,
            "all@1": 1 / 3,
            "all@5": 1,
            "all@10": 1,
        }
    )


@pytest.mark.parametrize("seed", range(3))
def test_all_is_what_plain_loops_give(seed: int) -> None:
    generator = np.random.default_rng(seed)
    image_of = np.repeat(range(40), generator.integers(1, 4, size=40))
    scores = generator.normal(size=(len(image_of), 40)) + 2 * np.eye(40)[image_of]
    found = self_retrieval(scores, image_of)
    for most in (1, 5, 10):
        hits = [sum(scores[row] >= scores[row, image]) <= most for row, image in enumerate(image_of)]
        of_images = [all(hit for hit, own in zip(hits, image_of, strict=True) if own == image) for image in range(40)]
        assert found[f"all@{most}"] == pytest.approx(np.mean(of_images))
        assert found[f"recall@{most}"] == pytest.approx(np.mean(hits))
    assert 0 < found["all@1"] < found["recall@1"] < 1
