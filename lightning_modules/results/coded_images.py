"""What a model that codes images has made of a batch.

Shape legend: B images, P positions of the grid, C channels, H rows, W columns.
"""

from typing import NamedTuple

from torch import Tensor


class CodedImages(NamedTuple):
    """Images as codes, and what the codes are decoded to.

    Attributes:
        codes_BP: Row by row, integers from 0 to `num_codes` − 1.
        num_codes: How many codes there are.
        grid_size: Rows and columns of the grid.
        images_BCHW: The images of the codes, in [0, 1].
        relaxed_BCHW: The images of what the decoder reads in training, where that is more than the codes; else None.
    """

    codes_BP: Tensor
    num_codes: int
    grid_size: tuple[int, int]
    images_BCHW: Tensor
    relaxed_BCHW: Tensor | None = None
