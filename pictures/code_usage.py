"""How often each code of a codebook occurs, and how many each position of the grid has.

Shape legend: K codes, H rows and W columns of the grid.
"""

import torch
from matplotlib import rc_context
from matplotlib.figure import Figure
from torch import Tensor

from pictures.pixels import from_figure

DPI = 200
WIDTH, HEIGHT = 3.6, 4.6  # inches: 720 pixels wide, of which TensorBoard shows half at first
FONT_SIZE = 8
COLOR, EVEN = "#2a7fc9", "#d55e00"


def draw_code_usage(usage_K: Tensor, perplexity_HW: Tensor, title: str) -> Tensor:
    """Draw the share of each code, the most frequent first, and each position's perplexity; `uint8`, [3, 920, 720].

    Args:
        usage_K: Share of the positions of all images that have each code.
        perplexity_HW: Of the codes that each position has over the images.
        title: Above the picture.
    """
    usage_K, perplexity_HW = usage_K.double().cpu(), perplexity_HW.double().cpu()
    sorted_K, num_codes = usage_K.sort(descending=True).values, len(usage_K)
    with rc_context({"font.size": FONT_SIZE}):
        figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, layout="constrained")
        above, below = figure.subplots(2, 1, height_ratios=(2, 3))
        used = int((usage_K > 0).sum())
        above.fill_between(torch.arange(num_codes).numpy(), sorted_K.numpy(), step="mid", color=COLOR, linewidth=0)
        above.axhline(1 / num_codes, color=EVEN, linewidth=0.8, label="even usage")
        above.set_yscale("log")
        above.set_ylim(bottom=0.5 * float(sorted_K[used - 1]), top=1.0)
        above.set_xlim(0, num_codes)
        above.set_title(title, fontsize=FONT_SIZE)
        above.set_xlabel("code, by frequency")
        above.set_ylabel("share of positions")
        above.legend(frameon=False, loc="upper right")
        picture = below.imshow(perplexity_HW.numpy(), cmap="magma", vmin=1.0, vmax=max(float(perplexity_HW.max()), 2.0))
        below.set_title("perplexity of each position of the grid", fontsize=FONT_SIZE)
        below.set_xticks([])
        below.set_yticks([])
        figure.colorbar(picture, label="codes", pad=0.02)
        return from_figure(figure)
