import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodules.random_split import draws_by_proportion, split_by_proportion


@pytest.mark.parametrize(
    ("count", "proportions", "sizes"),
    [
        (10, [0.8, 0.1, 0.1], (8, 1, 1)),
        (7000, [0.8, 0.1, 0.1], (5600, 700, 700)),
        (11, [0.8, 0.1, 0.1], (9, 1, 1)),
        (7, [1 / 3, 1 / 3, 1 / 3], (2, 3, 2)),
        (5, [1, 0, 0], (5, 0, 0)),
        (5, [0.6, 0.0, 0.4], (3, 0, 2)),
        (0, [0.8, 0.1, 0.1], (0, 0, 0)),
    ],
)
def test_sizes_and_that_each_image_is_dealt_once(count: int, proportions: list[float], sizes: tuple[int, ...]) -> None:
    train, val, test = split_by_proportion(range(count), proportions, seed=0)
    assert (len(train), len(val), len(test)) == sizes
    assert sorted(train + val + test) == list(range(count))


def test_order_of_input_does_not_matter() -> None:
    names = [f"{i}.jpg" for i in range(50)]
    shuffled = random.Random(1).sample(names, len(names))
    assert split_by_proportion(shuffled, [0.5, 0.3, 0.2], seed=7) == split_by_proportion(names, [0.5, 0.3, 0.2], seed=7)


def test_seed_decides_and_every_image_gets_everywhere() -> None:
    splits = [split_by_proportion(range(20), [0.5, 0.25, 0.25], seed) for seed in range(200)]
    assert len({tuple(sorted(train)) for train, _, _ in splits}) > 190
    for image in range(20):  # 50 +- 6 of 200 seeds put an image in the test split
        assert 25 < sum(image in test for _, _, test in splits) < 75


@pytest.mark.parametrize(
    "proportions", [[0.8, 0.2], [0.8, 0.1, 0.2], [1.2, -0.1, -0.1], [float("nan"), 0.5, 0.5], ["a", "b", "c"], []]
)
def test_refuses_other_proportions(proportions: list[float]) -> None:
    with pytest.raises(
        ValueError, match=r"data.split must be three non-negative proportions .* got \[.*\]; for example"
    ):
        split_by_proportion(range(10), proportions, seed=0)


@given(st.integers(0, 300), st.lists(st.integers(0, 100), min_size=3, max_size=3).filter(sum), st.integers())
def test_whatever_the_shares_nothing_is_lost_or_dealt_twice(count: int, parts: list[int], seed: int) -> None:
    shares = [part / sum(parts) for part in parts]
    splits = split_by_proportion(range(count), shares, seed)
    assert sorted(image for split in splits for image in split) == [*range(count)]
    for split, share in zip(splits, shares, strict=True):
        assert abs(len(split) - share * count) <= 1
    assert split_by_proportion(reversed(range(count)), shares, seed) == splits


@given(st.lists(st.one_of(st.floats(), st.integers(-2, 2), st.none(), st.text(max_size=3)), max_size=4))
def test_anything_else_than_shares_is_refused(shares: list[float]) -> None:
    splits, message = None, ""
    try:
        splits = split_by_proportion(range(10), shares, seed=0)
    except ValueError as error:
        message = str(error)
    if splits is None:
        assert "data.split must be three non-negative proportions" in message
    else:
        assert sum(map(len, splits)) == 10
        assert sum(shares) == pytest.approx(1)


KEYS = np.random.default_rng(0).integers(-(2**63), 2**63, 20_000)


@pytest.mark.parametrize("keys", [KEYS, np.arange(20_000)], ids=["at random", "in a row"])
def test_keys_decide_alone_and_each_image_is_drawn_once(keys: np.ndarray) -> None:
    draws = draws_by_proportion([0.7, 0.2, 0.1], seed=3)
    found = np.array([draw.holds(keys) for draw in draws])
    assert (found.sum(axis=0) == 1).all()
    assert found.mean(axis=1).tolist() == pytest.approx([0.7, 0.2, 0.1], abs=0.015)
    some = np.random.default_rng(1).permutation(len(keys))[:500]
    np.testing.assert_array_equal(np.array([draw.holds(keys[some]) for draw in draws]), found[:, some])


def test_other_seeds_draw_independently() -> None:
    first, second = (draws_by_proportion([0.5, 0.25, 0.25], seed)[0].holds(KEYS) for seed in (1, 2))
    assert (first & second).mean() == pytest.approx(0.25, abs=0.015)


@pytest.mark.parametrize("shares", [[1, 0, 0], [0.1, 0.2, 0.7], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0]])
def test_no_image_falls_between_the_shares(shares: list[float]) -> None:
    found = np.array([draw.holds(KEYS) for draw in draws_by_proportion(shares, seed=0)])
    assert (found.sum(axis=0) == 1).all()
    assert [bool(of.any()) for of in found] == [share > 0 for share in shares]
