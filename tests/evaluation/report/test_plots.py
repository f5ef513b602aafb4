import re
from xml.etree import ElementTree

import pytest

from evaluation.report.contents import TradeOff, TradeOffPoint
from evaluation.report.plots import COLORS, trade_off_plots

SVG = "{http://www.w3.org/2000/svg}"
PEOPLE = TradeOffPoint(None, 0.8, 1.1, 0.2, 1.0)
CURVES = {
    "sample": [TradeOffPoint(t, 0.6 - 0.2 * t, 0.7 + 0.2 * t, 0.9 - 0.4 * t, 0.5) for t in (0.25, 0.5, 1.0)],
    "latent": [TradeOffPoint(t, 0.5 - 0.2 * t, 0.6 + 0.2 * t, 0.8 - 0.3 * t, 0.5) for t in (0.75, 1.25)],
}
TRADE_OFF = TradeOff(CURVES, PEOPLE, num_images=100, num_captions=10)


def _texts(svg: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def _lines(svg: str, color: str) -> list[list[tuple[float, float]]]:
    """Return the corners of each line of a colour."""
    styled = re.findall(rf'<path d="([^"]*)" clip-path="[^"]*" style="fill: none; stroke: {color}', svg)
    return [[(float(x), float(y)) for x, y in re.findall(r"[ML] ([\d.]+) ([\d.]+)", line)] for line in styled]


def test_each_curve_and_people_are_named_with_their_temperatures() -> None:
    for svg in trade_off_plots(TRADE_OFF).values():
        texts = _texts(svg)
        assert {"sample", "latent", "human", "0.25", "0.5", "1", "0.75", "1.25"} <= {*texts}
        assert "None" not in "".join(texts)
    without = TRADE_OFF._replace(human=None)
    assert all("human" not in _texts(svg) for svg in trade_off_plots(without).values())


@pytest.mark.parametrize(("panel", "field"), [(0, "mean_cider_d"), (1, "oracle_cider_d")])
def test_points_lie_where_their_scores_say(panel: int, field: str) -> None:
    svg = list(trade_off_plots(TRADE_OFF).values())[panel]
    drawn = [_lines(svg, color) for color in COLORS[:2]]
    assert [len(line) for lines in drawn for line in lines] == [3, 2]
    corners = [corner for lines in drawn for line in lines for corner in line]
    points = [point for curve in CURVES.values() for point in curve]
    (x0, y0), (x1, y1) = corners[0], corners[2]
    per_bleu = (x1 - x0) / (points[2].mutual_bleu_4 - points[0].mutual_bleu_4)
    per_cider = (y1 - y0) / (getattr(points[2], field) - getattr(points[0], field))
    assert per_bleu < 0  # more diverse is to the right
    assert per_cider < 0  # more accurate is further up: SVG counts downwards
    for (x, y), point in zip(corners, points, strict=True):
        assert x == pytest.approx(x0 + per_bleu * (point.mutual_bleu_4 - points[0].mutual_bleu_4), abs=1e-3)
        assert y == pytest.approx(y0 + per_cider * (getattr(point, field) - getattr(points[0], field)), abs=1e-3)


def test_all_text_is_inside_the_drawing() -> None:
    for svg in trade_off_plots(TRADE_OFF).values():
        root = ElementTree.fromstring(svg)
        _, _, width, height = map(float, root.attrib["viewBox"].split())
        for text in root.iter(f"{SVG}text"):
            assert 0 < float(text.attrib["x"]) < width
            assert 0 < float(text.attrib["y"]) < height


def test_the_same_numbers_are_the_same_drawing() -> None:
    assert trade_off_plots(TRADE_OFF) == trade_off_plots(TRADE_OFF)


@pytest.mark.parametrize("curves", [{}, {"sample": []}, {"sample": CURVES["sample"][:1]}])
def test_few_points_are_drawn_too(curves: dict[str, list[TradeOffPoint]]) -> None:
    assert len(trade_off_plots(TRADE_OFF._replace(curves=curves))) == 2


def test_names_are_text_whatever_they_contain() -> None:
    name = "<script>$x_1$&amp;"
    svg = next(iter(trade_off_plots(TRADE_OFF._replace(curves={name: CURVES["sample"]})).values()))
    assert "<script" not in svg
    assert name in _texts(svg)


def test_points_on_one_another_share_a_label() -> None:
    stuck = [TradeOffPoint(t, 0.5, 0.5, 0.999 + t / 1e5, 0.2) for t in (0.25, 0.5, 1.5)]
    apart = TradeOffPoint(2.5, 0.3, 0.7, 0.5, 0.9)
    for svg in trade_off_plots(TRADE_OFF._replace(curves={"latent": [*stuck, apart]})).values():
        texts = _texts(svg)
        assert "0.25–1.5" in texts
        assert "2.5" in texts
        assert "0.5" not in texts[texts.index("0.25–1.5") :]
