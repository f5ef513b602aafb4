"""Images that a model has drawn of captions.

Shape legend: R drawings, P positions of the grid of codes, C channels, H rows, W columns.
"""

from typing import NamedTuple

from torch import Tensor


class Drawn(NamedTuple):
    """Drawings, one of each caption that was asked for, in their order.

    Attributes:
        images_RCHW: In [0, 1].
        codes_RP: The same as codes, row by row of the grid.
        log_probability_R: log P(codes | caption) in nats, without any guidance, temperature or filter; of codes that
            were given it has nothing.
    """

    images_RCHW: Tensor
    codes_RP: Tensor
    log_probability_R: Tensor

    def select(self, rows: Tensor) -> "Drawn":
        """Return the drawings in `rows`, in that order."""
        return Drawn(*(part[rows.to(part.device)] for part in self))
