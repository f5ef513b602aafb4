import numpy as np
import pytest

from metrics.diversity import marginal_relevance


def _plain(relevance: list[float], similarity: list[list[float]], weight: float) -> list[float]:
    chosen: list[int] = []
    worth = dict.fromkeys(range(len(relevance)), 0.0)
    while len(chosen) < len(relevance):
        values = {
            i: relevance[i] - weight * max((similarity[i][j] for j in chosen), default=0.0)
            for i in range(len(relevance))
            if i not in chosen
        }
        best = max(values, key=lambda i: (values[i], -i))
        worth[best] = values[best]
        chosen.append(best)
    return list(worth.values())


@pytest.mark.parametrize("weight", [0.0, 0.3, 2.0])
def test_against_the_definition(weight: float) -> None:
    draw = np.random.default_rng(0)
    relevance_BK, similarity_BKK = draw.random((6, 7)), draw.random((6, 7, 7))
    expected = [_plain(r.tolist(), s.tolist(), weight) for r, s in zip(relevance_BK, similarity_BKK, strict=True)]
    np.testing.assert_allclose(marginal_relevance(relevance_BK, similarity_BKK, weight), expected)


def test_without_weight_it_is_the_relevance() -> None:
    relevance_BK = np.array([[0.2, 0.9, 0.9], [3.0, 1.0, 2.0]])
    np.testing.assert_array_equal(marginal_relevance(relevance_BK, np.ones((2, 3, 3)), 0.0), relevance_BK)


def test_a_repeat_comes_last() -> None:
    similarity_BKK = np.array([[[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    worth_BK = marginal_relevance(np.array([[3.0, 2.9, 2.0]]), similarity_BKK, 1.0)
    assert (-worth_BK).argsort().tolist() == [[0, 2, 1]]
