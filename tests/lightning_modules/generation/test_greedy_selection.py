import pytest
import torch

from lightning_modules.generation import marginal_gains


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
    relevance_BK, similarity_BKK, coverage_BKX = (
        torch.rand(*shape, dtype=torch.double) for shape in ((6, 7), (6, 7, 7), (6, 7, 5))
    )
    expected = [
        _plain(relevance.tolist(), alike.tolist(), diversity, covers.tolist(), coverage)
        for relevance, alike, covers in zip(relevance_BK, similarity_BKK, coverage_BKX, strict=True)
    ]
    gain_BK = marginal_gains(
        relevance_BK, similarity_BKK=similarity_BKK, diversity=diversity, coverage_BKX=coverage_BKX, coverage=coverage
    )
    torch.testing.assert_close(gain_BK, torch.tensor(expected, dtype=torch.double))


def test_alone_it_is_the_relevance() -> None:
    relevance_BK = torch.tensor([[0.25, 0.5, 0.5], [3.0, 1.0, 2.0]])
    assert marginal_gains(relevance_BK).tolist() == relevance_BK.tolist()


def test_a_repeat_comes_last() -> None:
    similarity_BKK = torch.tensor([[[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    gain_BK = marginal_gains(torch.tensor([[3.0, 2.9, 2.0]]), similarity_BKK=similarity_BKK, diversity=1.0)
    assert gain_BK.argsort(descending=True).tolist() == [[0, 2, 1]]


def test_what_adds_nothing_comes_last() -> None:
    coverage_BKX = torch.tensor([[[0.9, 0.8, 0.0], [0.8, 0.8, 0.0], [0.0, 0.0, 0.5]]], dtype=torch.double)
    gain_BK = marginal_gains(torch.zeros(1, 3), coverage_BKX=coverage_BKX, coverage=2.0)
    torch.testing.assert_close(gain_BK, torch.tensor([[3.4, 0.0, 1.0]], dtype=torch.double))
