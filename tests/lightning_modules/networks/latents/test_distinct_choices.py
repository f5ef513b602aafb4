import itertools
import math
from collections import Counter

import pytest
import torch

from lightning_modules.networks.latents.distinct_choices import distinct_choices, gumbel
from utils.seeding import generators_of

NUM = 40_000


def _frequency_is(found: float, expected: float) -> bool:
    return abs(found - expected) < 5 * math.sqrt(expected * (1 - expected) / NUM) + 1e-9


def test_gumbel_numbers_have_its_distribution() -> None:
    numbers = gumbel(torch.rand(NUM))
    for quantile in (0.1, 0.5, 0.9):
        below = (numbers < -math.log(-math.log(quantile))).float().mean().item()
        assert _frequency_is(below, quantile)
    assert torch.isfinite(gumbel(torch.tensor([0.0, 1 - 2**-24]))).all()


def test_all_choices_of_an_image_differ() -> None:
    choices_BMG = distinct_choices(torch.randn(50, 2, 4).log_softmax(dim=2), 16)
    assert all(len({*map(tuple, choices)}) == 16 for choices in choices_BMG.tolist())
    assert (choices_BMG.min(), choices_BMG.max()) == (0, 3)


def test_sequences_are_those_of_sampling_without_replacement() -> None:
    """p(a, b) = p(a) · p(b) / (1 − p(a)) of each ordered pair of combinations, by counting."""
    log_p_GK = torch.randn(2, 2).log_softmax(dim=1)
    combinations = [*itertools.product(range(2), repeat=2)]
    p = {(i, j): (log_p_GK[0, i] + log_p_GK[1, j]).exp().item() for i, j in combinations}
    choices_BMG = distinct_choices(log_p_GK.expand(NUM, 2, 2), 2)
    counts = Counter(tuple(map(tuple, pair)) for pair in choices_BMG.tolist())
    for first, second in itertools.permutations(combinations, 2):
        assert _frequency_is(counts[first, second] / NUM, p[first] * p[second] / (1 - p[first]))


def test_three_groups_are_told_apart() -> None:
    logits_BGK = torch.zeros(1, 3, 5)
    for group, code in enumerate((4, 0, 2)):
        logits_BGK[0, group, code] = 1000.0
    assert distinct_choices(logits_BGK, 1).tolist() == [[[4, 0, 2]]]


def test_an_image_draws_from_its_own_generator() -> None:
    logits_BGK = torch.randn(1, 2, 4).expand(2, -1, -1)
    choices_BMG = distinct_choices(logits_BGK, 3, generators_of([3, 4]))
    assert torch.equal(distinct_choices(logits_BGK, 3, generators_of([4, 3])), choices_BMG.flip(0))


@pytest.mark.parametrize(("num_groups", "num_codes", "num"), [(2, 4, 17), (4, 32, 2)])
def test_refuses_more_than_there_are_and_too_many_to_list(num_groups: int, num_codes: int, num: int) -> None:
    with pytest.raises(
        ValueError, match=rf"as many .* as are drawn of an image, {num}, .* got {num_codes}\^{num_groups} = "
    ):
        distinct_choices(torch.zeros(1, num_groups, num_codes), num)
