"""Diversity against accuracy as drawings that a page can hold, in the page's own colours."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evaluation.report.contents import TradeOff, TradeOffPoint
from evaluation.report.label_places import label_places
from evaluation.report.svg import COLORS, FONT_SIZE, HEIGHT, INK, WIDTH, page_style, to_svg
from metrics.ngrams import Floats
from metrics.score_table import PERCENT

PANELS: dict[str, Callable[[TradeOffPoint], float]] = {
    "Mean CIDEr-D: a caption drawn at random": lambda point: point.mean_cider_d,
    "Oracle CIDEr-D: an image's best caption": lambda point: point.oracle_cider_d,
}

MARKERS = ("o", "s", "^", "D")
HUMAN = "human"


def trade_off_plots(trade_off: TradeOff) -> dict[str, str]:
    """Return inline SVG by title: accuracy against diversity, once for the mean and once for the best caption."""
    return {title: _plot(trade_off, title) for title in PANELS}


def _plot(trade_off: TradeOff, title: str) -> str:
    with page_style(title):
        return to_svg(_draw(trade_off, PANELS[title]))


def _draw(trade_off: TradeOff, accuracy: Callable[[TradeOffPoint], float]) -> Figure:
    figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72), dpi=72)
    axes = figure.add_axes((0.13, 0.17, 0.84, 0.70))
    for number, (name, points) in enumerate(trade_off.curves.items()):
        color, marker = (kinds[number % len(kinds)] for kinds in (COLORS, MARKERS))
        axes.plot(*_places(points, accuracy).T, color=color, marker=marker, markersize=5, linewidth=1.5, label=name)
    if trade_off.human is not None:
        axes.plot(*_places([trade_off.human], accuracy).T, "*", color=INK, markersize=11, label=HUMAN)
    axes.margins(0.14)  # labels stand around the outermost points
    axes.locator_params(axis="x", nbins=5)
    axes.invert_xaxis()
    axes.set_xlabel("mBLEU-4 of protocol B, reversed: more diverse →")
    axes.grid(alpha=0.18, color=INK, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    _name_values(axes, trade_off, accuracy)
    figure.legend(loc="upper center", ncols=len(trade_off.curves) + 1, frameon=False, borderaxespad=0.2)
    return figure


def _places(points: Sequence[TradeOffPoint], accuracy: Callable[[TradeOffPoint], float]) -> Floats:
    """Return where points lie in the plot, [points, 2]."""
    return np.array([(point.mutual_bleu_4, PERCENT * accuracy(point)) for point in points]).reshape(-1, 2)


def _name_values(axes: Axes, trade_off: TradeOff, accuracy: Callable[[TradeOffPoint], float]) -> None:
    """Write each point's value beside it, in its curve's colour."""
    drawn = [axes.transData.transform(_places(points, accuracy)) for points in trade_off.curves.values()]
    people = axes.transData.transform(_places([trade_off.human] if trade_off.human else [], accuracy))
    obstacles_M2 = np.concatenate([people, *map(_along, drawn)])
    named = [
        (place_2, text, COLORS[number % len(COLORS)])
        for number, (places_N2, points) in enumerate(zip(drawn, trade_off.curves.values(), strict=True))
        for place_2, text in _labels(places_N2, [point.value for point in points])
    ]
    texts = [text for _, text, _ in named]
    centres_N2 = label_places(np.array([place_2 for place_2, _, _ in named]), texts, obstacles_M2, FONT_SIZE)
    for centre_2, (_, text, color) in zip(centres_N2, named, strict=True):
        x, y = centre_2
        axes.text(x, y, text, color=color, transform=None, ha="center", va="center_baseline")


def _labels(places_N2: Floats, values: Sequence[float | None]) -> list[tuple[Floats, str]]:
    """Return where and how to name the values: points of a curve that lie on one another share a label."""
    groups: list[tuple[Floats, list[float]]] = []
    for place_2, value in zip(places_N2, values, strict=True):
        if value is None:
            continue
        if groups and np.linalg.norm(place_2 - groups[-1][0]) < FONT_SIZE / 2:
            groups[-1][1].append(value)
        else:
            groups.append((place_2, [value]))
    return [(place_2, f"{same[0]:g}" + (f"–{same[-1]:g}" if len(same) > 1 else "")) for place_2, same in groups]


def _along(places_N2: Floats) -> Floats:
    """Return spots along the line through some places, the places among them."""
    steps = [np.linspace(start_2, end_2, 12) for start_2, end_2 in pairwise(places_N2)]
    return np.concatenate([places_N2, *steps])
