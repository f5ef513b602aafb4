"""The plane in which a cloud of points is widest.

Shape legend: N points, Z dimensions, 2 axes of the plane.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Plane(NamedTuple):
    """A plane through the centre of a cloud.

    Attributes:
        centre_Z: The mean of the points.
        axes_Z2: The two directions of most variance, each of length 1; zeros where there are fewer dimensions.
        share_2: The share of the whole variance along each.
    """

    centre_Z: Tensor
    axes_Z2: Tensor
    share_2: Tensor

    def project(self, points_NZ: Tensor) -> Tensor:
        """Return where points lie in the plane: [N, 2]."""
        return (points_NZ.double() - self.centre_Z) @ self.axes_Z2


def principal_plane(points_NZ: Tensor, like_Z2: Tensor | None = None) -> Plane:
    """Return the first two principal components (Pearson 1901), in double precision and without random numbers.

    A principal axis has no sign of its own. Here it points to where the axis of an earlier plane does, so that pictures
    of a code that changes slowly can be compared; the first time, its largest number is positive.

    Args:
        points_NZ: The cloud.
        like_Z2: `axes_Z2` of the earlier plane; None for the first.
    """
    points_NZ = points_NZ.double()
    centre_Z = points_NZ.mean(dim=0)
    _, deviation_R, axes_RZ = torch.linalg.svd(points_NZ - centre_Z, full_matrices=False)
    axes_Z2 = torch.zeros(points_NZ.shape[1], 2, dtype=torch.double)
    axes_Z2[:, : len(axes_RZ)] = axes_RZ[:2].T
    share_R = deviation_R.square() / deviation_R.square().sum().clamp(min=torch.finfo(torch.double).tiny)
    share_2 = torch.zeros(2, dtype=torch.double)
    share_2[: len(share_R)] = share_R[:2]
    return Plane(centre_Z, axes_Z2 * _signs(axes_Z2, like_Z2), share_2)


def _signs(axes_Z2: Tensor, like_Z2: Tensor | None) -> Tensor:
    if like_Z2 is None:
        largest_2 = axes_Z2.gather(0, axes_Z2.abs().argmax(dim=0, keepdim=True)).squeeze(0)
    else:
        largest_2 = (axes_Z2 * like_Z2).sum(dim=0)
    return torch.where(largest_2 < 0, -1.0, 1.0).double()
