"""How much each dimension of a code carries, validation by validation, in colours.

Shape legend: Z dimensions, V validations.
"""

import math
from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from pictures.pixels import from_figure

DPI = 200
WIDTH, LEAST_HEIGHT, MOST_HEIGHT = 3.6, 2.2, 5.4  # inches: 720 pixels wide, of which TensorBoard shows half at first
ROW = 0.11  # inches of a dimension, while they fit
FONT_SIZE = 8
MOST_STEPS = 5  # named below the columns


def draw_kl_heat_map(kl_ZV: Tensor, steps: Sequence[int], title: str) -> Tensor:
    """Draw the KL of each dimension at each validation; `uint8`, [3, H, 720].

    Args:
        kl_ZV: In nats.
        steps: At which the validations were.
        title: Above the picture.
    """
    height = min(max(LEAST_HEIGHT, 1 + ROW * len(kl_ZV)), MOST_HEIGHT)
    with rc_context({"font.size": FONT_SIZE}):
        figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
        axes = figure.subplots()
        highest = max(float(kl_ZV.max()), 1e-3)  # a code that carries nothing is dark, not noise in bright colours
        picture = axes.imshow(kl_ZV.cpu().numpy(), aspect="auto", cmap="magma", vmin=0.0, vmax=highest)
        axes.set_title(title, fontsize=FONT_SIZE)
        axes.set_xlabel("step of the validation")
        axes.set_ylabel("dimension")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        shown = range(0, len(steps), math.ceil(len(steps) / MOST_STEPS))
        axes.set_xticks(shown, [f"{steps[column]:,}" for column in shown])
        figure.colorbar(picture, label="nats", pad=0.02)
        return from_figure(figure)
