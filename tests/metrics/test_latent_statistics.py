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
def test_batches_are_looked_at_together() -> None:
    parts = [torch.randn(3, 7, 4) for _ in range(3)]
    statistics = LatentStatistics("style")
    for part in parts:
        statistics.update(*part)
    mean_NZ, log_variance_NZ, sample_NZ = torch.cat(parts, dim=1)
    found = {name: value.item() for name, value in statistics.compute().items()}
    assert found == pytest.approx(
        {
            "style_active_units": active_units(mean_NZ),
            "style_mutual_information": mutual_information(mean_NZ, log_variance_NZ, sample_NZ),
        }
    )
    statistics.reset()
    with pytest.raises(ValueError, match="no caption to look at"):
        statistics.compute()
