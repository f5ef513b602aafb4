import statistics
import sys
from pathlib import Path

import numpy as np
import pytest

from metrics.retrieval import retrieval, true_ranks


def _plain_rank(scores: np.ndarray, true: int) -> int:
    return 1 + sum(scores[other] >= scores[true] for other in range(len(scores)) if other != true)


@pytest.mark.parametrize(("captions", "images"), [(1, 1), (5, 1), (30, 12), (12, 30)])
@pytest.mark.parametrize("kinds", [3, 1000], ids=["many-equal", "few-equal"])
def test_is_what_plain_loops_give(captions: int, images: int, kinds: int) -> None:
    generator = np.random.default_rng(captions + images + kinds)
    scores, true = generator.integers(kinds, size=(captions, images)) / kinds, generator.integers(images, size=captions)
    ranks = [_plain_rank(row, of_caption) for row, of_caption in zip(scores, true, strict=True)]
    assert true_ranks(scores, true).tolist() == ranks
    assert retrieval(scores, true) == pytest.approx(
        {
            **{f"recall@{most}": sum(rank <= most for rank in ranks) / captions for most in (1, 5, 10)},
            "median-rank": statistics.median(ranks),
        }
    )


def test_hand_values() -> None:
    scores = np.array([[0.9, 0.1, 0.5], [0.9, 0.1, 0.5], [0.2, 0.2, 0.1], [-np.inf, 1.0, np.inf]])
    assert true_ranks(scores, [0, 1, 1, 2]).tolist() == [1, 3, 2, 1]  # the third has an equal, which goes before
    assert retrieval(scores, [0, 1, 1, 2]) == {"recall@1": 0.5, "recall@5": 1, "recall@10": 1, "median-rank": 1.5}


def test_scores_that_are_all_the_same_find_nothing() -> None:
    assert true_ranks(np.zeros((3, 40)), [0, 7, 39]).tolist() == [40, 40, 40]


def test_only_the_order_of_scores_matters_and_not_that_of_captions_and_images() -> None:
    generator = np.random.default_rng(0)
    scores, true = generator.normal(size=(20, 8)), generator.integers(8, size=20)
    expected = retrieval(scores, true)
    assert retrieval(np.exp(3 * scores) - 5, true) == expected
    captions, images = generator.permutation(20), generator.permutation(8)
    assert retrieval(scores[captions][:, images], np.argsort(images)[true[captions]]) == expected


def test_blocks_and_memory_maps_give_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    scores, true = generator.integers(9, size=(31, 7)).astype(np.float32), generator.integers(7, size=31)
    expected = true_ranks(scores, true).tolist()
    np.save(tmp_path / "scores.npy", scores)
    monkeypatch.setattr(sys.modules["metrics.retrieval"], "CELLS_AT_ONCE", 2 * 7)
    assert true_ranks(np.load(tmp_path / "scores.npy", mmap_mode="r"), true).tolist() == expected


@pytest.mark.parametrize(
    ("scores", "true", "match"),
    [
        (np.zeros(3), [0, 0, 0], r"got shapes \(3,\) and \(3,\)"),
        (np.zeros((3, 2)), [0, 1], r"got shapes \(3, 2\) and \(2,\)"),
        (np.zeros((0, 2)), [], r"at least one, got shapes \(0, 2\)"),
        (np.zeros((2, 0)), [0, 0], r"at least one, got shapes \(2, 0\)"),
        (np.zeros((2, 3)), [0, 3], "columns of the 3 images in image_of_caption, got others"),
        (np.zeros((2, 3)), [-1, 0], "columns of the 3 images in image_of_caption, got others"),
        (np.zeros((2, 3)), [0.0, 1.0], "columns of the 3 images in image_of_caption, got others"),
        (np.array([[0, 1], [0, 1], [np.nan, 1]]), [0, 1, 1], "got NaN for caption 2"),
    ],
)
def test_refuses_what_has_no_rank(scores: np.ndarray, true: list[int], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        retrieval(scores, true)
