"""Attention laid over the image, as heat.

Shape legend: L words, H rows, W columns of the attention's grid, S pixels of a side.
"""

import torch
from matplotlib import colormaps
from torch import Tensor
from torch.nn.functional import interpolate

SIDE = 112  # pixels
STRONGEST = 0.75  # of the heat's colour over the image
HEAT = colormaps["inferno"]
LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601)


def relative_heat(attention_LHW: Tensor) -> Tensor:
    """Return how far attention is above an even look, `heat_LHW` in [0, 1], on one scale for all words of a caption.

    0 is an even look or less; 1 is the caption's highest weight, if that is at least twice an even look's: where a
    model looks everywhere alike, nothing glows.
    """
    even = 1 / attention_LHW[0].numel()
    highest = max(float(attention_LHW.max()) - even, even)
    return ((attention_LHW - even) / highest).clamp(min=0)


def overlay(image_3HW: Tensor, heat_HW: Tensor, side: int = SIDE) -> Tensor:
    """Return the image in shades of grey, the heat glowing over it: `uint8`, [3, side, side].

    Args:
        image_3HW: `uint8`, square.
        heat_HW: In [0, 1], on a grid over the whole image.
        side: Height and width in pixels.
    """
    size = (side, side)
    image_3SS = interpolate(image_3HW[None].float() / 255, size, mode="bilinear", antialias=True)[0]
    grey_1SS = torch.einsum("c,chw->hw", torch.tensor(LUMINANCE), image_3SS).unsqueeze(0)
    heat_SS = interpolate(heat_HW[None, None].float(), size, mode="bicubic")[0, 0].clamp(0, 1)
    heat_SS = heat_SS.sqrt()  # so that a tenth of the highest weight can still be seen
    color_3SS = torch.from_numpy(HEAT(heat_SS.numpy())[..., :3]).permute(2, 0, 1)
    glowing_3SS = torch.lerp(grey_1SS.double(), color_3SS, STRONGEST * heat_SS.double())
    return (glowing_3SS.clamp(0, 1) * 255).round().to(torch.uint8)


def overlays(image_3HW: Tensor, attention_LHW: list[Tensor]) -> list[Tensor]:
    """Return for each word of a caption the image with its attention over it (see `relative_heat`)."""
    return [overlay(image_3HW, heat_HW) for heat_HW in relative_heat(torch.stack(attention_LHW))]
