import numpy as np
import pytest

from evaluation.report.label_places import label_places

NOTHING = np.empty((0, 2))


def test_a_lone_label_stands_above_its_point() -> None:
    ((x, y),) = label_places(np.array([[50.0, 30.0]]), ["0.5"], NOTHING, font_size=10)
    assert x == 50
    assert 35 < y < 45


def test_labels_evade_lines_and_each_other() -> None:
    line_M2 = np.stack([np.linspace(0, 100, 60), np.linspace(0, 100, 60)], axis=1)
    anchors_N2 = line_M2[[10, 25, 30, 35, 50]]
    places_N2 = label_places(anchors_N2, ["0.5"] * 5, line_M2, font_size=10)
    half_2 = np.array([9, 5])
    covered = (abs(places_N2[:, None] - line_M2) < half_2).all(axis=2)
    assert not covered.any()
    overlapping = (abs(places_N2[:, None] - places_N2) < 2 * half_2).all(axis=2)
    assert overlapping.sum() == 5  # each with itself
    assert (np.linalg.norm(places_N2 - anchors_N2, axis=1) < 30).all()


@pytest.mark.parametrize("anchors_N2", [NOTHING, np.array([])])
def test_no_labels_have_no_places(anchors_N2: np.ndarray) -> None:
    assert label_places(anchors_N2, [], NOTHING, font_size=10).shape == (0, 2)
