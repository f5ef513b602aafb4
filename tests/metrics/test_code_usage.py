import itertools
import math

import pytest
import torch
from torch.distributions import Categorical

from metrics import CodeUsage, choice_information, codes_used, perplexity


def test_codes_are_counted_in_each_group() -> None:
    assert codes_used(torch.tensor([[0, 3], [1, 3], [0, 3], [5, 3]])) == 2  # of 3 and 1


def test_perplexity_is_the_number_of_equally_frequent_codes() -> None:
    first_NK = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0.5, 0.5, 0, 0]])
    second_NK = torch.full((3, 4), 0.25)
    assert perplexity(torch.stack([first_NK, second_NK], dim=1).log()) == pytest.approx((2 + 4) / 2)


def test_mutual_information_is_that_of_all_combinations() -> None:
    """E over the choices of H[q(k)] − H[q(k|x)], by a list of all combinations."""
    posterior = Categorical(logits=torch.randn(8, 2, 3))
    p_NGK = posterior.probs
    joint_NJ = torch.stack([p_NGK[:, 0, i] * p_NGK[:, 1, j] for i, j in itertools.product(range(3), repeat=2)], dim=1)
    expected = Categorical(joint_NJ.mean(dim=0)).entropy() - Categorical(joint_NJ).entropy().mean()
    found = torch.tensor([choice_information(posterior.logits, posterior.sample()) for _ in range(3000)])
    assert abs(found.mean() - expected) < 5 * found.std() / 3000**0.5


def test_equal_posteriors_say_nothing_and_sure_ones_all() -> None:
    choice_NG = torch.stack([torch.arange(16) // 4, torch.arange(16) % 4], dim=1)
    assert choice_information(torch.full((16, 2, 4), 0.25).log(), choice_NG) == pytest.approx(0, abs=1e-6)
    sure_NGK = torch.nn.functional.one_hot(choice_NG, 4).float().log()  # −∞ for all others
    assert choice_information(sure_NGK, choice_NG) == pytest.approx(math.log(16))


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric CodeUsage was called before")
def test_neither_batches_nor_repeats_nor_the_order_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metrics.code_usage.MOST_CAPTIONS", 14)  # of 21: which ones is what may differ
    log_p = torch.randn(7, 3, 2, 5).log_softmax(dim=3)
    choice = Categorical(logits=log_p).sample()
    all_NGK, all_NG = log_p.flatten(0, 1), choice.flatten(0, 1)
    expected = {
        "style_codes_used": codes_used(all_NG),
        "style_perplexity": perplexity(all_NGK),
        "style_mutual_information": choice_information(all_NGK[:14], all_NG[:14]),
    }
    for batches in ([[0, 1, 2, 3, 4, 5, 6]], [[0, 2, 4, 6], [1, 3, 5, 0]], [[6], [5], [4, 3], [2, 1, 0, 6]]):
        usage = CodeUsage("style")
        for images in batches:
            image_of_caption_N = torch.arange(len(images)).repeat_interleave(3)
            usage.update(
                log_p[images].flatten(0, 1), choice[images].flatten(0, 1), torch.tensor(images), image_of_caption_N
            )
        assert {name: value.item() for name, value in usage.compute().items()} == pytest.approx(expected)
    usage.reset()
    with pytest.raises(ValueError, match="no caption to look at"):
        usage.compute()
