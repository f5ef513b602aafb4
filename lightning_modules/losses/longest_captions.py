"""Which caption of an image its picture is reconstructed from in training.

Shape legend: B images, N captions.
"""

import torch
from torch import Tensor


def longest_captions(lengths_N: Tensor, image_of_caption_N: Tensor) -> Tensor:
    """Return for each image the row of its longest caption, the first of those: [B].

    In training an image is reconstructed once. A short caption may not suffice; the longest describes most.
    """
    by_length_N = lengths_N.argsort(descending=True, stable=True)
    by_image_N = by_length_N[image_of_caption_N[by_length_N].argsort(stable=True)]
    counts_B = torch.bincount(image_of_caption_N)
    return by_image_N[counts_B.cumsum(dim=0) - counts_B]
