import re
from xml.etree import ElementTree

import numpy as np

from evaluation.report.confusions import confusion_plots
from evaluation.report.contents import Confusion
from evaluation.report.svg import COLORS
from metrics import FactAttribute

ICONS = [np.full((8, 8, 4), level, dtype=np.uint8) for level in (40, 120, 200)]
SHAPE = FactAttribute("shape", ("disc", "box", "cone"), ICONS)
COUNTS = np.array([[3, 1, 0, 0], [0, 2, 0, 2], [0, 0, 0, 0], [0, 0, 5, 0]])


def _texts(svg: str) -> list[str]:
    texts = (element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"))
    return [text.strip() for text in texts if text]


def test_each_row_is_shared_out_and_right_is_told_from_wrong() -> None:
    (plot,) = confusion_plots([Confusion(SHAPE, COUNTS)])
    assert plot.title == "shape: 62.5 % right"  # 5 of the 8 that images have
    texts = _texts(plot.svg)
    assert sorted(text for text in texts if text.isdecimal()) == ["100", "25", "50", "50", "75"]
    assert {"disc", "box", "cone", "none", "image", "reconstruction"} <= {*texts}
    for color, shares in zip(COLORS, ([0.75, 0.5], [0.25, 0.5, 1.0]), strict=False):
        opacities = [float(value) for value in re.findall(rf"fill: {color}; opacity: ([\d.]+)", plot.svg)]
        np.testing.assert_allclose(opacities, [0.06 + 0.66 * share for share in shares], atol=1e-6)
    assert plot.svg.count("<image") == 2 * 3  # of rows and columns, at their full resolution
    assert plot.svg.count('width="8"') == 2 * 3


def test_none_is_left_out_where_it_never_is_and_without_icons_columns_have_names() -> None:
    tone = FactAttribute("tone", ("dark", "light"))
    (plot,) = confusion_plots([Confusion(tone, np.array([[4, 0, 0], [1, 3, 0], [0, 0, 0]]))])
    texts = _texts(plot.svg)
    assert texts.count("dark") == texts.count("light") == 2
    assert "none" not in texts
    assert "<image" not in plot.svg


def test_nothing_to_count_has_no_share() -> None:
    (plot,) = confusion_plots([Confusion(SHAPE, np.zeros((4, 4), dtype=np.int64))])
    assert plot.title == "shape"
    assert not [text for text in _texts(plot.svg) if text.isdecimal()]


def test_plots_are_the_same_each_time_and_share_no_id() -> None:
    confusions = [Confusion(SHAPE._replace(name=name), COUNTS) for name in ("one", "two")]
    first, second = (confusion_plots(confusions) for _ in range(2))
    assert [plot.svg for plot in first] == [plot.svg for plot in second]
    ids = [re.findall(r'id="([^"]+)"', plot.svg) for plot in first]
    assert len({*ids[0], *ids[1]}) == len(ids[0]) + len(ids[1])
    assert "currentColor" in first[0].svg
