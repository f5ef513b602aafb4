import numpy as np
import pytest

from lightning_modules.ranking.greedy_selection import marginal_gains


def _plain(
    relevance: list[float],
    alike: list[list[float]],
    diversity: float,
    covers: list[list[float]],
    coverage: float,
) -> list[float]:
    """Return the worth of each of an image's captions by the definition, one number at a time."""
    chosen: list[int] = []
    worth = dict.fromkeys(range(len(relevance)), 0.0)
    while len(chosen) < len(relevance):
        values = {}
        for i in set(range(len(relevance))) - {*chosen}:
            repeated = max((alike[i][j] for j in chosen), default=0.0)
            before = [max((covers[j][x] for j in chosen), default=0.0) for x in range(len(covers[0]))]
            added = sum(max(0.0, covers[i][x] - before[x]) for x in range(len(covers[0])))
            values[i] = relevance[i] - diversity * repeated + coverage * added
        best = max(values, key=lambda i: (values[i], -i))
        worth[best] = values[best]
        chosen.append(best)
    return list(worth.values())


@pytest.mark.parametrize("diversity", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("coverage", [0.0, 0.2, 3.0])
def test_against_the_definition(diversity: float, coverage: float) -> None:
    draw = np.random.default_rng(0)
    relevance_BK, similarity_BKK, coverage_BKX = draw.random((6, 7)), draw.random((6, 7, 7)), draw.random((6, 7, 5))
    expected = [
        _plain(relevance.tolist(), alike.tolist(), diversity, covers.tolist(), coverage)
        for relevance, alike, covers in zip(relevance_BK, similarity_BKK, coverage_BKX, strict=True)
    ]
    gain_BK = marginal_gains(
        relevance_BK, similarity_BKK=similarity_BKK, diversity=diversity, coverage_BKX=coverage_BKX, coverage=coverage
    )
    np.testing.assert_allclose(gain_BK, expected)


def test_alone_it_is_the_relevance() -> None:
    relevance_BK = np.array([[0.2, 0.9, 0.9], [3.0, 1.0, 2.0]])
    np.testing.assert_array_equal(marginal_gains(relevance_BK), relevance_BK)


def test_a_repeat_comes_last() -> None:
    similarity_BKK = np.array([[[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    gain_BK = marginal_gains(np.array([[3.0, 2.9, 2.0]]), similarity_BKK=similarity_BKK, diversity=1.0)
    assert (-gain_BK).argsort().tolist() == [[0, 2, 1]]


def test_what_adds_nothing_comes_last() -> None:
    coverage_BKX = np.array([[[0.9, 0.8, 0.0], [0.8, 0.8, 0.0], [0.0, 0.0, 0.5]]])
    gain_BK = marginal_gains(np.zeros((1, 3)), coverage_BKX=coverage_BKX, coverage=2.0)
    np.testing.assert_allclose(gain_BK, [[3.4, 0.0, 1.0]])
