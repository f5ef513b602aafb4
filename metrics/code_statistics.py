"""How the codes of images are used: which there are, and how much they can tell.

Shape legend: B images, P positions of the grid, K codes.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from metrics.rows_by_image import RowsByImage


class CodeFigures(NamedTuple):
    """How codes are used over a set of images.

    Attributes:
        usage_K: Share of the positions of all images that have each code.
        perplexity_P: Of each position, exp H of the codes that it has over the images.
    """

    usage_K: Tensor
    perplexity_P: Tensor

    def named(self) -> dict[str, Tensor]:
        """Return what is logged of them.

        `used`: the share of codes that occur. `perplexity`: exp H(usage), as how many equally frequent codes they are.
        `bits`: P · log₂ of it, which is as much as the codes of an image can tell. `top1`: the share of the most
        frequent code. `perplexity_by_place`: the mean perplexity of a position; codes of a background are frequent
        everywhere, but where codes have collapsed a position has one in all images.
        """
        perplexity = perplexity_of(self.usage_K)
        return {
            "used": (self.usage_K > 0).double().mean(),
            "perplexity": perplexity,
            "perplexity_by_place": self.perplexity_P.mean(),
            "bits": len(self.perplexity_P) * perplexity.log2(),
            "top1": self.usage_K.max(),
        }


def code_figures(codes_BP: Tensor, num_codes: int) -> CodeFigures:
    """Return how codes are used; time and memory grow as B · P and P · K.

    Raises:
        ValueError: A code is not from 0 to `num_codes` − 1.
    """
    _refuse_others(codes_BP, num_codes)
    places_P = torch.arange(codes_BP.shape[1], device=codes_BP.device)
    numbers_BP = codes_BP.long() + num_codes * places_P
    counts_PK = torch.bincount(numbers_BP.flatten(), minlength=num_codes * len(places_P)).view(-1, num_codes).double()
    usage_PK = counts_PK / len(codes_BP)
    return CodeFigures(usage_PK.mean(dim=0), perplexity_of(usage_PK))


def perplexity_of(usage_K: Tensor) -> Tensor:
    """Return exp H of distributions, along the last dimension: from 1 to K."""
    return torch.special.entr(usage_K).sum(dim=-1).exp()


class CodeStatistics(RowsByImage):
    """How the codes of a split's images are used (see `CodeFigures`); exact on any number of processes."""

    def __init__(self) -> None:
        super().__init__(torch.int32)

    def update(self, codes_BP: Tensor, num_codes: int, image_ids_B: Tensor) -> None:
        """Add the codes of some images, of `num_codes` that there are.

        Raises:
            ValueError: A code is out of its range.
        """
        _refuse_others(codes_BP, num_codes)
        num_B1 = torch.full_like(codes_BP[:, :1], num_codes)  # comes along, for a process without any image
        self.add(image_ids_B, torch.cat([num_B1, codes_BP], dim=1))

    def compute(self) -> CodeFigures:
        """Return the figures over the distinct images.

        Raises:
            ValueError: No image was added.
        """
        rows = self.distinct()
        if rows is None:
            raise ValueError("CodeStatistics has no image to look at; call update() first")
        return code_figures(rows[:, 1:], int(rows[0, 0]))


def _refuse_others(codes_BP: Tensor, num_codes: int) -> None:
    if codes_BP.numel() and not 0 <= int(codes_BP.min()) <= int(codes_BP.max()) < num_codes:
        raise ValueError(
            f"expected codes from 0 to {num_codes - 1}, got {int(codes_BP.min())} to {int(codes_BP.max())}"
        )
