"""The base of metrics that give each image a few numbers and report their means.

Shape legend: B images, K names.
"""

from typing import ClassVar

from torch import Tensor

from metrics.rows_by_image import RowsByImage


class MeanOverImages(RowsByImage):
    """Keeps a row of numbers for each image and averages over distinct images, in double precision.

    Attributes:
        names: What the numbers of a row are, in order; the keys of `compute`.
    """

    names: ClassVar[tuple[str, ...]]
    higher_is_better = True

    def add(self, image_ids_N: Tensor, values_NK: Tensor, places_N: Tensor | None = None) -> None:
        """Keep a row for each image; where an image comes again, its first row counts."""
        assert values_NK.shape == (len(image_ids_N), len(self.names)), (values_NK.shape, image_ids_N.shape, self.names)
        super().add(image_ids_N, values_NK, places_N)

    def compute(self) -> dict[str, Tensor]:
        """Return the mean of each of `names` over the distinct images.

        Raises:
            ValueError: No image was added.
        """
        values_BK = self.distinct()
        if values_BK is None:
            raise ValueError(f"{type(self).__name__} has no image to average over; call update() first")
        return dict(zip(self.names, values_BK.mean(dim=0).unbind(), strict=True))
