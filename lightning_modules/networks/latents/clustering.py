"""A few codes that stand for many: k-means, and of each cluster the code in its middle.

Shape legend: X codes, Z latent dimensions, K clusters.
"""

from typing import NamedTuple

import torch
from torch import Tensor

MOST_STEPS = 100  # of Lloyd's algorithm, which ends by itself long before


class Clusters(NamedTuple):
    """Codes in groups.

    Attributes:
        centre_KZ: The mean of each cluster's codes.
        cluster_X: The cluster of each code, that of the nearest centre.
    """

    centre_KZ: Tensor
    cluster_X: Tensor


def k_means(code_XZ: Tensor, num: int, generator: torch.Generator | None = None) -> Clusters:
    """Group codes around `num` centres: Lloyd's algorithm from the centres of `spread_centres`, until nothing moves.

    A cluster may be empty where fewer than `num` codes differ.
    """
    centre_KZ = spread_centres(code_XZ, num, generator)
    cluster_X = _nearest(code_XZ, centre_KZ)
    for _ in range(MOST_STEPS):
        sum_KZ = torch.zeros_like(centre_KZ).index_add(0, cluster_X, code_XZ)
        size_K1 = cluster_X.bincount(minlength=num).unsqueeze(1)
        centre_KZ = torch.where(size_K1 > 0, sum_KZ / size_K1.clamp(min=1), centre_KZ)
        before_X, cluster_X = cluster_X, _nearest(code_XZ, centre_KZ)
        if torch.equal(cluster_X, before_X):
            break
    return Clusters(centre_KZ, cluster_X)


def spread_centres(code_XZ: Tensor, num: int, generator: torch.Generator | None = None) -> Tensor:
    """Choose `num` codes far from each other, `centre_KZ`: k-means++ (Arthur and Vassilvitskii 2007).

    The first is any of them; each next one is drawn by the squared distance from the nearest before it.
    """
    weight_X = torch.ones_like(code_XZ[:, 0])
    squared_X = torch.full_like(weight_X, torch.inf)
    chosen: list[Tensor] = []
    for _ in range(num):
        chosen.append(code_XZ[torch.multinomial(weight_X, 1, generator=generator)].squeeze(0))
        squared_X = squared_X.minimum((code_XZ - chosen[-1]).square().sum(dim=1))
        weight_X = squared_X if squared_X.any() else torch.ones_like(squared_X)  # all are chosen: any of them again
    return torch.stack(chosen)


def medoids(code_XZ: Tensor, num: int, generator: torch.Generator | None = None) -> Tensor:
    """Return which code is nearest to the centre of each of `num` clusters, the largest cluster first: [K]."""
    centre_KZ, cluster_X = k_means(code_XZ, num, generator)
    distance_KX = torch.cdist(centre_KZ, code_XZ)
    is_inside_KX = cluster_X == torch.arange(num).unsqueeze(1)
    inside_first_KX = torch.where(is_inside_KX, distance_KX, distance_KX + distance_KX.max() + 1)
    by_size_K = is_inside_KX.sum(dim=1).argsort(descending=True, stable=True)
    return inside_first_KX.argmin(dim=1)[by_size_K]


def _nearest(code_XZ: Tensor, centre_KZ: Tensor) -> Tensor:
    return torch.cdist(code_XZ, centre_KZ).argmin(dim=1)
