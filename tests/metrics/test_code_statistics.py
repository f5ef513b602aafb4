"""How codes are used, by hand and against counting; repeated images count once."""

import math
from collections import Counter

import pytest
import torch

from metrics import CodeStatistics, code_figures


def test_known_usages() -> None:
    even = code_figures(torch.arange(8).view(2, 4), 16).named()
    assert {name: value.item() for name, value in even.items()} == pytest.approx(
        {"used": 0.5, "perplexity": 8, "perplexity_by_place": 2, "bits": 4 * 3, "top1": 1 / 8}
    )
    collapsed = code_figures(torch.zeros(5, 4).long(), 16).named()
    assert {name: value.item() for name, value in collapsed.items()} == pytest.approx(
        {"used": 1 / 16, "perplexity": 1, "perplexity_by_place": 1, "bits": 0, "top1": 1}
    )
    background = torch.tensor([[0, 0, 0, 1], [0, 0, 0, 2]])  # one place tells images apart
    assert code_figures(background, 3).perplexity_P.tolist() == pytest.approx([1, 1, 1, 2])


def test_figures_are_those_of_counting() -> None:
    codes_BP = torch.randint(0, 9, (30, 5)) % 7
    figures = code_figures(codes_BP, 9)
    counts = Counter(codes_BP.flatten().tolist())
    shares = [counts[code] / 150 for code in range(9)]
    assert figures.usage_K.tolist() == pytest.approx(shares)
    entropy = -sum(share * math.log(share) for share in shares if share)
    assert figures.named()["perplexity"].item() == pytest.approx(math.exp(entropy))
    for place, perplexity in enumerate(figures.perplexity_P.tolist()):
        of_place = Counter(codes_BP[:, place].tolist())
        assert perplexity == pytest.approx(math.exp(-sum(n / 30 * math.log(n / 30) for n in of_place.values())))


def test_each_image_counts_once_in_any_batches() -> None:
    codes_BP, whole, parts = torch.randint(0, 20, (7, 6)), CodeStatistics(), CodeStatistics()
    whole.update(codes_BP, 20, torch.arange(7))
    for rows in ([5, 1], [0, 2, 3], [4, 6, 0, 1]):  # a sampler repeats the last two
        parts.update(codes_BP[rows], 20, torch.tensor(rows))
    for expected, value in zip(whole.compute(), parts.compute(), strict=True):
        assert torch.equal(expected, value)
    assert len(whole.compute().usage_K) == 20


@pytest.mark.filterwarnings("ignore:.*was called before the ``update`` method")
def test_refuses_codes_that_there_are_not() -> None:
    for codes_BP in (torch.tensor([[0, 4]]), torch.tensor([[-1, 0]])):
        with pytest.raises(ValueError, match=r"expected codes from 0 to 3, got (0 to 4|-1 to 0)"):
            CodeStatistics().update(codes_BP, 4, torch.tensor([0]))
    with pytest.raises(ValueError, match="CodeStatistics has no image to look at"):
        CodeStatistics().compute()
