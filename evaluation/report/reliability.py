"""The reliability diagram: how often words are right, against how sure the model is of them."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evaluation.report.svg import COLORS, HEIGHT, INK, WIDTH, page_style, to_svg
from metrics import ReliabilityTable


def reliability_plots(tables: Mapping[str, ReliabilityTable]) -> dict[str, str]:
    """Return inline SVG by name: accuracy of each bin of confidence, and below it how many words the bin has."""
    plots = {}
    for name, table in tables.items():
        with page_style(name):
            plots[name] = to_svg(_draw(table))
    return plots


def _draw(table: ReliabilityTable) -> Figure:
    figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72), dpi=72)
    accuracy, counts = figure.add_axes((0.17, 0.38, 0.80, 0.58)), figure.add_axes((0.17, 0.15, 0.80, 0.17))
    edges = np.linspace(0, 1, len(table.count_K) + 1)
    _bars(accuracy, edges, table.accuracy_K.nan_to_num().numpy())
    accuracy.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle=(0, (4, 3)))
    filled = table.count_K.numpy() > 0
    accuracy.plot(
        table.confidence_K.numpy()[filled], table.accuracy_K.numpy()[filled], "o", color=COLORS[1], markersize=4
    )
    accuracy.set_ylim(0, 1)
    accuracy.set_ylabel("accuracy")
    accuracy.tick_params(labelbottom=False)
    _bars(counts, edges, (table.count_K / table.count_K.sum()).numpy())
    counts.set_ylabel("share")
    counts.set_xlabel("confidence: probability of the likeliest word")
    for axes in (accuracy, counts):
        axes.set_xlim(0, 1)
        axes.locator_params(axis="y", nbins=5 if axes is accuracy else 2)
        axes.grid(alpha=0.18, color=INK, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _bars(axes: Axes, edges: np.ndarray, heights: np.ndarray) -> None:
    axes.bar(edges[:-1], heights, width=np.diff(edges), align="edge", color=COLORS[0], alpha=0.55, linewidth=0)
