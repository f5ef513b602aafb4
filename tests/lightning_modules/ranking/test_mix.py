from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from datamodules.split import CaptionSplit
from lightning_modules import VariationalCaptioner
from lightning_modules.ranking import Candidates, Likelihood, Mix, Ranker, Reconstruction
from lightning_modules.ranking.mix import standardised


class Fixed(Ranker):
    """Gives these scores, and remembers what it was prepared with."""

    def __init__(self, score_N: Tensor | None = None) -> None:
        self.score_N = score_N
        self.prepared: list[tuple[object, object]] = []

    def prepare(self, captioner: VariationalCaptioner, training: Callable[[], CaptionSplit] | None) -> None:
        self.prepared.append((captioner, training))

    def __call__(self, captioner: VariationalCaptioner, candidates: Candidates) -> Tensor:
        assert self.score_N is not None, "not to be asked"
        return self.score_N


@pytest.mark.parametrize(("offset", "scale"), [(0.0, 1e-9), (0.0, 1.0), (-50.0, 1e-3), (1e4, 1.0), (-50.0, 1e5)])
def test_standardised_scores_have_mean_0_and_deviation_1(offset: float, scale: float) -> None:
    score_BK = torch.randn(6, 7, dtype=torch.float64) * scale + offset
    ours_BK = standardised(score_BK)
    torch.testing.assert_close(ours_BK.mean(dim=1), torch.zeros(6, dtype=torch.float64))
    torch.testing.assert_close(ours_BK.std(dim=1, correction=0), torch.ones(6, dtype=torch.float64))
    assert torch.equal(ours_BK.argsort(dim=1), score_BK.argsort(dim=1))


def test_standardised_by_hand() -> None:
    expected = torch.tensor([[-1.0, 1.0, 1.0, -1.0], [3**0.5, *[-(3**-0.5)] * 3]])
    torch.testing.assert_close(standardised(torch.tensor([[1.0, 5.0, 5.0, 1.0], [9.0, 1.0, 1.0, 1.0]])), expected)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e-30, 123456.789, -3.3e7, 1e30])
@pytest.mark.parametrize("num", [1, 3, 7, 100])
def test_equal_scores_say_nothing(value: float, num: int) -> None:
    assert torch.equal(standardised(torch.full((2, num), value)), torch.zeros(2, num))


def test_equal_scores_of_one_image_leave_the_others_alone() -> None:
    score_BK = torch.tensor([[0.1, 0.1, 0.1], [-1.0, 0.0, 1.0]])
    torch.testing.assert_close(standardised(score_BK), torch.tensor([[0.0] * 3, [-(1.5**0.5), 0.0, 1.5**0.5]]))


def test_adds_up_standardised_scores_by_weight(captioner: VariationalCaptioner, candidates: Candidates) -> None:
    one_N, other_N = torch.randn(12), 100 * torch.randn(12) + 30
    mix = Mix(rankers={"a": Fixed(one_N), "b": Fixed(other_N)}, weights={"b": 0.5, "a": 2.0})
    expected = []
    for first in range(0, 12, 4):
        one, other = (
            (part - part.mean()) / part.std(correction=0) for part in (s[first : first + 4] for s in (one_N, other_N))
        )
        expected.append(2 * one + 0.5 * other)
    torch.testing.assert_close(mix(captioner, candidates), torch.cat(expected))


def test_one_ranker_keeps_its_order(captioner: VariationalCaptioner, candidates: Candidates) -> None:
    ranker = Likelihood()
    mixed_N = Mix(rankers={"a": ranker}, weights={"a": 3.0})(captioner, candidates)
    own_N = ranker(captioner, candidates)
    assert torch.equal(mixed_N.view(3, 4).argsort(dim=1), own_N.view(3, 4).argsort(dim=1))


def test_adds_up_the_rankers_of_the_package(captioner: VariationalCaptioner, candidates: Candidates) -> None:
    rankers = {"likelihood": Likelihood(), "reconstruction": Reconstruction()}
    expected_BK = sum(standardised(ranker(captioner, candidates).view(3, 4)) for ranker in rankers.values())
    mixed_N = Mix(rankers=rankers, weights=dict.fromkeys(rankers, 1.0))(captioner, candidates)
    torch.testing.assert_close(mixed_N, expected_BK.flatten())


def test_prepares_and_asks_only_what_has_weight(captioner: VariationalCaptioner, candidates: Candidates) -> None:
    one, other, idle = Fixed(torch.randn(12)), Fixed(torch.randn(12)), Fixed()
    mix = Mix(rankers={"one": one, "idle": idle, "other": other}, weights={"one": 1.0, "idle": 0.0, "other": -1.0})

    def training() -> CaptionSplit:
        raise AssertionError("nobody asked")

    mix.prepare(captioner, training)
    assert one.prepared == other.prepared == [(captioner, training)]
    assert idle.prepared == []
    mix(captioner, candidates)


def test_refuses_weights_that_do_not_fit() -> None:
    rankers = {"likelihood": Fixed(), "consensus": Fixed()}
    for weights in ({"likelihood": 1.0}, {"likelihood": 1.0, "concensus": 1.0}):
        expected = f"a weight for each of likelihood, consensus, got {', '.join(weights)}"
        with pytest.raises(ValueError, match=expected):
            Mix(rankers=rankers, weights=weights)
    with pytest.raises(ValueError, match=r"ranking.weights must not all be 0; choose ranking=none"):
        Mix(rankers=rankers, weights={"likelihood": 0.0, "consensus": 0.0})
