import random

from callbacks.shown_images import rows_of_first


def test_rows_are_those_of_the_lowest_ids_that_are_not_kept() -> None:
    assert rows_of_first([], [7, 3, 5], 2) == [1, 2]
    assert rows_of_first([3, 5], [4, 9, 5], 2) == [0]
    assert rows_of_first([3, 5], [9, 3], 3) == [0]
    assert rows_of_first([1, 2], [9, 3], 2) == []


def test_batch_by_batch_the_first_of_all_are_found() -> None:
    ids = random.Random(3).sample(range(100), 60)
    kept: list[int] = []
    for start in range(0, 60, 7):
        batch = ids[start : start + 7]
        kept = sorted([*kept, *(batch[row] for row in rows_of_first(kept, batch, 8))])[:8]
    assert kept == sorted(ids)[:8]
