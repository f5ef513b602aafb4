"""Whether a latent code is used: active units and mutual information.

Shape legend: N captions, Z latent dimensions, K numbers of a caption.
"""

import math
from functools import partial

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from metrics.gathering import gather_as

ACTIVE = 0.01  # variance of a dimension's posterior mean over the data
MOST_CAPTIONS = 2500  # that mutual information is estimated on: each is compared with each
CAPTIONS_AT_ONCE = 100


def active_units(mean_NZ: Tensor) -> int:
    """Return how many dimensions' posterior means vary over the data by more than 0.01 (Burda et al. 2016, sec. 4)."""
    return int((mean_NZ.var(dim=0, correction=0) > ACTIVE).sum())


def mutual_information(mean_NZ: Tensor, log_variance_NZ: Tensor, sample_NZ: Tensor) -> float:
    """Return an estimate of I(z; x) under q, in nats: E[log q(z|x) − log q(z)] (Hoffman and Johnson 2016, equation 4).

    q(z) is the mean of the posteriors of all captions given; the estimate is at most log N.

    Args:
        mean_NZ: Of each caption's posterior, a diagonal Gaussian.
        log_variance_NZ: Of the same.
        sample_NZ: Drawn from each.
    """
    own_N, all_N = [], []
    for start in range(0, len(sample_NZ), CAPTIONS_AT_ONCE):
        code_B1Z = sample_NZ[start : start + CAPTIONS_AT_ONCE].unsqueeze(1)
        squared_BNZ = (code_B1Z - mean_NZ).square() * torch.exp(-log_variance_NZ)
        log_q_BN = -0.5 * (squared_BNZ + log_variance_NZ + math.log(2 * math.pi)).sum(dim=-1)
        row_B = torch.arange(len(log_q_BN), device=log_q_BN.device)
        own_N.append(log_q_BN[row_B, start + row_B])
        all_N.append(log_q_BN.logsumexp(dim=1) - math.log(len(mean_NZ)))
    return float((torch.cat(own_N) - torch.cat(all_N)).mean())


class LatentStatistics(Metric):
    """Active units and mutual information of a code over the captions of a split.

    A distributed sampler repeats images to fill up the last batch, and these count twice.

    Args:
        name: Of the code, "style" or "content".
    """

    full_state_update = False

    rows: list[Tensor]

    def __init__(self, name: str) -> None:
        super().__init__(dist_sync_fn=partial(gather_as, dtype=torch.float32))
        self.name = name
        self.width = 0
        self.add_state("rows", default=[], dist_reduce_fx="cat")

    def update(self, mean_NZ: Tensor, log_variance_NZ: Tensor, sample_NZ: Tensor) -> None:
        """Add the posteriors of some captions, and what was drawn from them."""
        self.width = mean_NZ.shape[1]
        self.rows.append(torch.stack([mean_NZ, log_variance_NZ, sample_NZ], dim=1).float().flatten())

    def compute(self) -> dict[str, Tensor]:
        """Return both by name.

        Raises:
            ValueError: No caption was added.
        """
        if not len(self.rows):
            raise ValueError("LatentStatistics has no caption to look at; call update() first")
        parts_N3Z = dim_zero_cat(self.rows).view(-1, 3, self.width)
        some = parts_N3Z[:MOST_CAPTIONS].unbind(dim=1)
        return {
            f"{self.name}_active_units": torch.tensor(float(active_units(parts_N3Z[:, 0]))),
            f"{self.name}_mutual_information": torch.tensor(mutual_information(*some)),
        }
