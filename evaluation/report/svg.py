"""Matplotlib's figures as SVG that a page can hold, in the page's own colours."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

from matplotlib import rc_context
from matplotlib.figure import Figure

WIDTH, HEIGHT = 270, 240  # points: 360 pixels wide at its smallest, where the font is still legible
FONT_SIZE = 8.5
INK = "#010203"  # stands for the page's text colour, so that axes can be read on light and on dark
COLORS = ("#2a7fc9", "#d55e00", "#009e73", "#b8609a")  # told apart by the colour-blind; seen on light and dark

STYLE = {
    "svg.fonttype": "none",  # text stays text
    "text.parse_math": False,
    "font.size": FONT_SIZE,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
}


@contextmanager
def page_style(title: str) -> Iterator[None]:
    """Draw in the page's style; the same plot is the same text, yet plots of different titles share no id."""
    with rc_context(STYLE | {"svg.hashsalt": title}):  # type: ignore[arg-type]
        yield


def to_svg(figure: Figure) -> str:
    """Return the figure as an SVG element without what only a file of its own needs."""
    file = StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Those of groups and images are the same in several plots, and nothing refers to them
    return re.sub(r'(<g|<image xlink:href="[^"]*") id="[^"]*"', r"\1", svg)
