"""Whether a latent code is used: active units and mutual information.

Shape legend: B images, N captions, Z latent dimensions.
"""

import math

import torch
from torch import Tensor

from metrics.rows_by_image import RowsByImage, places_of

ACTIVE = 0.01  # variance of a dimension's posterior mean over the data
MOST_CAPTIONS = 2500  # that mutual information is estimated on: each is compared with each


def active_units(mean_NZ: Tensor) -> int:
    """Return how many dimensions' posterior means vary over the data by more than 0.01 (Burda et al. 2016, sec. 4)."""
    return int((mean_NZ.double().var(dim=0, correction=0) > ACTIVE).sum())


def mutual_information(mean_NZ: Tensor, log_variance_NZ: Tensor, sample_NZ: Tensor) -> float:
    """Return an estimate of I(z; x) under q, in nats: E[log q(z|x) − log q(z)] (Hoffman and Johnson 2016, equation 4).

    q(z) is the mean of the posteriors of all captions given; the estimate is at most log N. Time and memory grow as
    N · (N + Z): the squared distances of all codes from all means are products of matrices, in double precision.

    Args:
        mean_NZ: Of each caption's posterior, a diagonal Gaussian.
        log_variance_NZ: Of the same.
        sample_NZ: Drawn from each.
    """
    # around their centre, so that the squares below stay as small as the distances
    centre_Z = mean_NZ.double().mean(dim=0)
    mean_NZ, code_NZ = mean_NZ.double() - centre_Z, sample_NZ.double() - centre_Z
    log_variance_NZ = log_variance_NZ.double()
    precision_NZ = torch.exp(-log_variance_NZ)
    scaled_NZ = mean_NZ * precision_NZ
    # (c − μ)² / σ² = c² / σ² − 2 c μ / σ² + μ² / σ², summed over dimensions: a row for each code, a column for each μ
    squared_NN = code_NZ.square() @ precision_NZ.T - 2 * code_NZ @ scaled_NZ.T + (scaled_NZ * mean_NZ).sum(dim=1)
    constant_N = (log_variance_NZ + math.log(2 * math.pi)).sum(dim=1)
    log_q_NN = -0.5 * (squared_NN + constant_N)
    log_q_N = log_q_NN.logsumexp(dim=1) - math.log(len(mean_NZ))
    return float((log_q_NN.diagonal() - log_q_N).mean())


class LatentStatistics(RowsByImage):
    """Active units and mutual information of a code over the captions of a split.

    Both are over distinct captions; mutual information is that of the first 2500 in the order of their images' ids.

    Args:
        name: Of the code, "style" or "content".
    """

    def __init__(self, name: str) -> None:
        super().__init__(torch.float32)  # as posteriors are; many, where a code is wide
        self.name = name

    def update(
        self,
        mean_NZ: Tensor,
        log_variance_NZ: Tensor,
        sample_NZ: Tensor,
        image_ids_B: Tensor,
        image_of_caption_N: Tensor,
    ) -> None:
        """Add the posteriors of all captions of some images, and what was drawn from them.

        Args:
            mean_NZ: Of each caption's posterior.
            log_variance_NZ: Of the same.
            sample_NZ: Drawn from each.
            image_ids_B: The images' ids.
            image_of_caption_N: For each caption the row of its image; those of an image stand together.
        """
        row = torch.cat([mean_NZ, log_variance_NZ, sample_NZ], dim=1)
        self.add(image_ids_B[image_of_caption_N], row, places_of(image_of_caption_N))

    def compute(self) -> dict[str, Tensor]:
        """Return both by name.

        Raises:
            ValueError: No caption was added.
        """
        rows = self.distinct()
        if rows is None:
            raise ValueError("LatentStatistics has no caption to look at; call update() first")
        mean_NZ, log_variance_NZ, sample_NZ = rows.chunk(3, dim=1)
        some = slice(MOST_CAPTIONS)
        information = mutual_information(mean_NZ[some], log_variance_NZ[some], sample_NZ[some])
        return {
            f"{self.name}_active_units": torch.tensor(float(active_units(mean_NZ))),
            f"{self.name}_mutual_information": torch.tensor(information),
        }
