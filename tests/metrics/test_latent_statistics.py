import math

import pytest
import torch
from torch.distributions import Independent, Normal

from metrics import LatentStatistics, active_units, mutual_information


def test_units_are_active_where_their_means_vary() -> None:
    mean_NZ = torch.tensor([[0.0, 0.0, 5.0], [0.3, 0.19, 5.0]])  # variances 0.0225, 0.009, 0
    assert active_units(mean_NZ) == 1


def test_mutual_information_is_that_of_a_loop() -> None:
    mean_NZ, log_variance_NZ = torch.randn(230, 3), torch.randn(230, 3)
    posterior = Independent(Normal(mean_NZ, (0.5 * log_variance_NZ).exp()), 1)
    sample_NZ = posterior.sample()
    expected = [
        posterior.log_prob(code_Z)[n] - posterior.log_prob(code_Z).exp().mean().log()
        for n, code_Z in enumerate(sample_NZ)
    ]
    found = mutual_information(mean_NZ, log_variance_NZ, sample_NZ)
    assert found == pytest.approx(torch.stack(expected).mean().item(), rel=1e-4)


def test_equal_posteriors_say_nothing_and_distant_ones_all() -> None:
    same_NZ, sharp_NZ = torch.zeros(50, 2), torch.full((50, 2), -9.0)
    assert mutual_information(same_NZ, same_NZ, torch.randn(50, 2)) == pytest.approx(0, abs=1e-5)
    far_NZ = torch.arange(50.0).unsqueeze(1).expand(-1, 2)
    assert mutual_information(far_NZ, sharp_NZ, far_NZ) == pytest.approx(math.log(50), rel=1e-4)


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric LatentStatistics was called before")
def test_neither_batches_nor_repeats_nor_the_order_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metrics.latent_statistics.MOST_CAPTIONS", 14)  # of 21: which ones is what may differ
    parts = torch.randn(7, 3, 3, 4) * torch.linspace(0.1, 3, 7).view(7, 1, 1, 1)  # images change along the split
    mean_NZ, log_variance_NZ, sample_NZ = parts.transpose(1, 2).flatten(0, 1).unbind(dim=1)
    expected = {
        "style_active_units": active_units(mean_NZ),
        "style_mutual_information": mutual_information(mean_NZ[:14], log_variance_NZ[:14], sample_NZ[:14]),
    }
    for batches in ([[0, 1, 2, 3, 4, 5, 6]], [[0, 2, 4, 6], [1, 3, 5, 0]], [[6], [5], [4, 3], [2, 1, 0, 6]]):
        statistics = LatentStatistics("style")
        for images in batches:
            image_of_caption_N = torch.arange(len(images)).repeat_interleave(3)
            of_batch = [parts[images, code].flatten(0, 1) for code in range(3)]
            statistics.update(*of_batch, torch.tensor(images), image_of_caption_N)
        assert {name: value.item() for name, value in statistics.compute().items()} == pytest.approx(expected)
    statistics.reset()
    with pytest.raises(ValueError, match="no caption to look at"):
        statistics.compute()


def test_wide_codes_take_neither_long_nor_much_memory() -> None:
    """Each of 2500 codes against each of 2500 posteriors would be 51 GB at once, dimension by dimension."""
    mean_NZ, sharp_NZ = 3 * torch.randn(2500, 1024), torch.full((2500, 1024), -10.0)
    found = mutual_information(mean_NZ, sharp_NZ, mean_NZ + torch.randn_like(mean_NZ) * math.exp(-5.0))
    assert found == pytest.approx(math.log(2500), rel=1e-9)  # all differ
