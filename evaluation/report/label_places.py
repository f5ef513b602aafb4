"""Where to write beside the points of a plot so that labels cover neither each other nor the lines.

Shape legend: N labels, M obstacles.
"""

from collections.abc import Sequence

import numpy as np

from metrics.ngrams import Floats

DIRECTIONS_82 = np.array([(0, 1), (1, 1), (-1, 1), (0, -1), (1, -1), (-1, -1), (1, 0), (-1, 0)], dtype=float)
"""Above first, where readers look first."""

DISTANCES = (0.9, 1.6)  # in font sizes: near the point if there is room


def label_places(anchors_N2: Floats, texts: Sequence[str], obstacles_M2: Floats, font_size: float) -> Floats:
    """Return the centre of each label: [N, 2], chosen one after the other for the fewest overlaps.

    Args:
        anchors_N2: The points to label, in the units of the font size.
        texts: What is written at each.
        obstacles_M2: Spots to keep free: the points, and samples of the lines.
        font_size: Height of a line of text.
    """
    placed: list[tuple[Floats, Floats]] = []
    for anchor_2, text in zip(anchors_N2, texts, strict=True):
        half_2 = np.array([0.3 * len(text), 0.5]) * font_size
        places = [
            anchor_2 + direction_2 * (half_2 + distance * font_size / 2)
            for distance in DISTANCES
            for direction_2 in DIRECTIONS_82
        ]
        costs = [_overlaps(place_2, half_2, placed, obstacles_M2) for place_2 in places]
        placed.append((places[int(np.argmin(costs))], half_2))
    return np.array([centre_2 for centre_2, _ in placed]).reshape(-1, 2)


def _overlaps(centre_2: Floats, half_2: Floats, placed: Sequence[tuple[Floats, Floats]], obstacles_M2: Floats) -> float:
    """Return how much a label would cover; another label, which nobody could then read, counts as ten spots."""
    labels = sum(bool((abs(centre_2 - other_2) < half_2 + other_half_2).all()) for other_2, other_half_2 in placed)
    spots = (abs(obstacles_M2 - centre_2) < half_2 + 1).all(axis=1).sum()
    return float(10 * labels + spots)
