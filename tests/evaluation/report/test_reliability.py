import re
from xml.etree import ElementTree

import torch

from evaluation.report.reliability import reliability_plots
from evaluation.report.svg import COLORS
from metrics import reliability_table

TABLE = reliability_table(torch.tensor([0.1, 0.4, 0.45, 0.9]), torch.tensor([0, 1, 0, 1]), num_bins=5)


def test_bars_are_as_high_as_bins_are_accurate() -> None:
    svg = reliability_plots({"first": TABLE})["first"]
    ElementTree.fromstring(svg)
    bars = re.findall(
        rf'<path d="M ([\d.]+) ([\d.]+) \nL [\d.]+ [\d.]+ \nL [\d.]+ ([\d.]+) [^"]*"[^>]*fill: {COLORS[0]}', svg
    )
    heights = [float(bottom) - float(top) for _, bottom, top in bars]
    assert len(heights) == 10  # five of accuracy, five of counts
    full = heights[4]  # the last bin is always right
    assert [round(height / full, 3) for height in heights[:5]] == [0, 0, 0.5, 0, 1]
    shares = [height / sum(heights[5:]) for height in heights[5:]]
    assert [round(share, 3) for share in shares] == [0.25, 0, 0.5, 0, 0.25]


def test_plots_are_the_same_each_time_and_share_no_id() -> None:
    first, second = (reliability_plots({"one": TABLE, "two": TABLE}) for _ in range(2))
    assert first == second
    ids = [set(re.findall(r'id="([^"]+)"', svg)) for svg in first.values()]
    assert ids[0].isdisjoint(ids[1])
    assert "currentColor" in first["one"]
