"""Which values of an attribute reconstructions show as which: a table of shaded cells, with the values' icons."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from evaluation.report.contents import Confusion
from evaluation.report.svg import COLORS, FONT_SIZE, INK, WIDTH, page_style, to_svg
from metrics.factor import Integers
from metrics.image_facts import ABSENT

LEFT, RIGHT, TOP, BOTTOM = 82, 4, 24, 22  # points around the table, for names and icons
ICON = 15  # points
LOWEST, HIGHEST = 18, 40  # points of a row
NUMBERED = 0.005  # shares from here on are written


Icon = NDArray[np.uint8]


class ConfusionPlot(NamedTuple):
    """The picture of one attribute.

    Attributes:
        title: Its name, and how many of its values are right.
        svg: Inline.
        confusion: The numbers.
    """

    title: str
    svg: str
    confusion: Confusion


def confusion_plots(confusions: Sequence[Confusion]) -> list[ConfusionPlot]:
    """Return a picture for each attribute: of each value of the images (row), the share that shows as each (column)."""
    plots = []
    for confusion in confusions:
        with page_style(f"read back: {confusion.attribute.name}"):
            plots.append(ConfusionPlot(_title(confusion), to_svg(_draw(confusion)), confusion))
    return plots


def _title(confusion: Confusion) -> str:
    """Return such as "shape: 93.1 % right", of the values that images have."""
    of_images = confusion.counts[:-1]
    right, num = int(np.trace(of_images)), int(of_images.sum())
    return f"{confusion.attribute.name}: {100 * right / num:.1f} % right" if num else confusion.attribute.name


class _Table(NamedTuple):
    """Where things are: cells are one unit wide and high, the first row is at the top.

    Attributes:
        axes: To draw into.
        rows: The values that have a row.
        columns: The values that have a column.
        width: Of a cell in points.
        height: Of a cell in points.
    """

    axes: Axes
    rows: Sequence[int]
    columns: Sequence[int]
    width: float
    height: float


def _draw(confusion: Confusion) -> Figure:
    attribute, counts = confusion
    table = _lay_out(*(_shown(np.atleast_1d(counts.any(axis=axis))) for axis in (1, 0)))
    _fill(table, counts[np.ix_(table.rows, table.columns)])
    names = (*attribute.classes, ABSENT)
    _name_rows(table, names, attribute.icons)
    _name_columns(table, names, attribute.icons)
    table.axes.set(xlim=(0, len(table.columns)), ylim=(len(table.rows), 0), aspect="auto")
    figure = table.axes.figure
    assert isinstance(figure, Figure)
    return figure


def _shown(is_there: NDArray[np.bool_]) -> list[int]:
    """Return which values have a row or column: all classes, and "none" where it occurs."""
    num_classes = len(is_there) - 1
    return [*range(num_classes), *([num_classes] if is_there[-1] else [])]


def _lay_out(rows: Sequence[int], columns: Sequence[int]) -> _Table:
    width = (WIDTH - LEFT - RIGHT) / len(columns)
    height = min(max(width, LOWEST), HIGHEST)
    inner = height * len(rows)
    total = TOP + inner + BOTTOM
    figure = Figure(figsize=(WIDTH / 72, total / 72), dpi=72)
    axes = figure.add_axes((LEFT / WIDTH, BOTTOM / total, 1 - (LEFT + RIGHT) / WIDTH, inner / total))
    axes.spines[:].set_visible(False)
    axes.set_xlabel("reconstruction", labelpad=5)
    return _Table(axes, rows, columns, width, height)


def _fill(table: _Table, counts: Integers) -> None:
    """Shade each cell by its share of the row, and write the share."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for i, j in np.ndindex(shares.shape):
        share = shares[i, j]
        color, alpha = (COLORS[table.rows[i] != table.columns[j]], 0.06 + 0.66 * share) if share else (INK, 0.05)
        table.axes.add_patch(Rectangle((j + 0.04, i + 0.04), 0.92, 0.92, facecolor=color, alpha=alpha, linewidth=0))
        if share >= NUMBERED:
            table.axes.text(j + 0.5, i + 0.5, f"{100 * share:.0f}", ha="center", va="center_baseline")


def _name_rows(table: _Table, names: Sequence[str], icons: Sequence[Icon]) -> None:
    table.axes.set_yticks([i + 0.5 for i in range(len(table.rows))], [names[row] for row in table.rows])
    table.axes.tick_params(axis="y", length=0, pad=ICON + 7)
    table.axes.annotate("image", (0, 0), (-ICON - 7, 6), textcoords="offset points", ha="right")
    for i, row in enumerate(table.rows[: len(icons)]):
        _add_icon(table, icons[row], (-(4 + ICON / 2) / table.width, i + 0.5))


def _name_columns(table: _Table, names: Sequence[str], icons: Sequence[Icon]) -> None:
    table.axes.set_xticks([])
    for j, column in enumerate(table.columns):
        if column < len(icons):
            _add_icon(table, icons[column], (j + 0.5, -(4 + ICON / 2) / table.height))
        else:
            table.axes.annotate(
                names[column], (j + 0.5, 0), (0, 6), textcoords="offset points", ha="center", fontsize=FONT_SIZE - 1
            )


def _add_icon(table: _Table, icon: Icon, centre: tuple[float, float]) -> None:
    """Place an icon in the table's units, at its full resolution."""
    (x, y), across, down = centre, ICON / 2 / table.width, ICON / 2 / table.height
    table.axes.imshow(
        icon, extent=(x - across, x + across, y + down, y - down), interpolation="none", clip_on=False, aspect="auto"
    )
