"""Codes of human captions and codes of the prior, in one plane.

Shape legend: N captions, Z dimensions, 2 axes of the plane.
"""

from collections.abc import Sequence

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from pictures.pixels import from_figure
from pictures.principal_axes import Plane

DPI = 200
WIDTH, HEIGHT = 3.6, 3.9  # inches: 720 pixels wide, of which TensorBoard shows half at first
FONT_SIZE = 8
PRIOR, POSTERIOR = "#b9bec6", "#2a7fc9"
COLORS, MARKERS = ("#d55e00", "#009e73", "#b8609a"), ("o", "s", "^")  # of images that are told apart
HUMAN, DRAWN = "human captions: q", "prior: p"


def draw_scatter(
    posterior_NZ: Tensor, prior_NZ: Tensor, image_of_caption_N: Sequence[int], plane: Plane, title: str
) -> Tensor:
    """Draw both kinds of codes, and those of the first images in colours of their own; `uint8`, [3, 780, 720].

    Args:
        posterior_NZ: Codes of human captions.
        prior_NZ: Codes of the prior of the same images.
        image_of_caption_N: The image of each.
        plane: Where to look at them.
        title: Above the picture.
    """
    with rc_context({"font.size": FONT_SIZE}):
        figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, layout="constrained")
        axes = figure.subplots()
        of_prior_N2, of_posterior_N2 = plane.project(prior_NZ), plane.project(posterior_NZ)
        axes.scatter(of_prior_N2[:, 0], of_prior_N2[:, 1], s=7, linewidth=0, color=PRIOR, label=DRAWN)
        axes.scatter(of_posterior_N2[:, 0], of_posterior_N2[:, 1], s=7, linewidth=0, color=POSTERIOR, label=HUMAN)
        _tell_apart(axes, of_posterior_N2, of_prior_N2, image_of_caption_N)
        for name, share in zip(("x", "y"), plane.share_2.tolist(), strict=True):
            getattr(axes, f"set_{name}label")(f"{100 * share:.0f} % of the variance")
        axes.set_aspect("equal", adjustable="datalim")
        axes.grid(alpha=0.25, linewidth=0.5)
        axes.set_title(title, fontsize=FONT_SIZE)
        figure.legend(loc="outside lower center", ncols=2, frameon=False, handletextpad=0.2, columnspacing=1.0)
        return from_figure(figure)


def _tell_apart(axes: Axes, posterior_N2: Tensor, prior_N2: Tensor, image_of_caption_N: Sequence[int]) -> None:
    """Draw the codes of the first images once more: filled those of the captions, hollow those of the prior."""
    image_N = torch.tensor(image_of_caption_N)
    for image, color, marker in zip(dict.fromkeys(image_of_caption_N), COLORS, MARKERS, strict=False):
        rows = image_N == image
        (x, y), (x_prior, y_prior) = posterior_N2[rows].T, prior_N2[rows].T
        axes.scatter(x_prior, y_prior, s=26, marker=marker, linewidth=0.8, facecolor="none", edgecolor=color)
        axes.scatter(
            x,
            y,
            s=26,
            marker=marker,
            linewidth=0.4,
            color=color,
            edgecolor="white",
            label=f"image {image} (prior: hollow)",
        )
