import numpy as np
import pytest

from metrics.factor import UNKNOWN, Factor


def test_labels_are_places_among_the_classes() -> None:
    factor = Factor.of("tone", ("dark", "light"), ["light", None, "dark"])
    assert factor.labels_N.tolist() == [1, UNKNOWN, 0]
    assert factor.select(np.array([2, 2, 0])).labels_N.tolist() == [0, 0, 1]


def test_a_value_of_no_class_is_refused() -> None:
    with pytest.raises(ValueError, match="tone: expected one of dark, light, got 'grey'"):
        Factor.of("tone", ("dark", "light"), ["dark", "grey"])


def test_varies_where_there_are_two_classes() -> None:
    assert Factor.of("tone", ("dark", "light"), ["dark", "light"]).varies
    assert not Factor.of("tone", ("dark", "light"), ["dark", "dark"]).varies
    assert not Factor.of("tone", ("dark", "light"), []).varies
