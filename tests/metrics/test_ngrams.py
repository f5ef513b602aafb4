"""Counting against Python's own counters."""

from collections import Counter

import numpy as np
import pytest

from metrics.ngrams import NgramCounts, count_ngrams, lengths, look_up, most_by_key

CAPTIONS = [
    ("a", "b", "a", "b", "a"),
    (),
    ("b",),
    ("a", "b", "c"),
    ("c", "c", "c", "c", "c", "c"),
    (),
    ("é", "日本", "a", "b"),
]


def _spelled(captions: list[tuple[str, ...]], order: int, counts: NgramCounts) -> list[Counter[tuple[str, ...]]]:
    """Return each caption's n-grams, spelled by the place where each n-gram was last said."""
    row = [word for caption in captions for word in caption]
    found: list[Counter[tuple[str, ...]]] = [Counter() for _ in captions]
    for caption, ngram, count in zip(counts.caption_K, counts.ngram_K, counts.count_K, strict=True):
        start = int(counts.where_G[ngram])
        found[caption][tuple(row[start : start + order])] = int(count)
    return found


def _counted(caption: tuple[str, ...], order: int) -> Counter[tuple[str, ...]]:
    return Counter(caption[start : start + order] for start in range(len(caption) - order + 1))


def test_counts_are_those_of_a_counter() -> None:
    by_order = count_ngrams(CAPTIONS, 5)
    assert len(by_order) == 5
    for order, counts in enumerate(by_order, start=1):
        assert _spelled(CAPTIONS, order, counts) == [_counted(caption, order) for caption in CAPTIONS]


def test_numbers_of_ngrams_are_dense_and_in_order() -> None:
    for order, counts in enumerate(count_ngrams(CAPTIONS, 4), start=1):
        distinct = {ngram for caption in CAPTIONS for ngram in _counted(caption, order)}
        assert len(counts.where_G) == len(distinct)
        assert set(counts.ngram_K.tolist()) == set(range(len(distinct)))
        rows = list(zip(counts.caption_K.tolist(), counts.ngram_K.tolist(), strict=True))
        assert rows == sorted(set(rows))


def test_keys_are_equal_where_group_and_ngram_are() -> None:
    counts = count_ngrams(CAPTIONS, 2)[1]
    group_of_caption = np.array([1, 0, 0, 1, 2, 2, 1])
    keys = counts.keys(group_of_caption).tolist()
    meant = list(zip(group_of_caption[counts.caption_K].tolist(), counts.ngram_K.tolist(), strict=True))
    assert len(set(keys)) == len(set(meant)) < len(meant)
    assert len(set(zip(keys, meant, strict=True))) == len(set(meant))


@pytest.mark.parametrize("captions", [[], [()], [(), ("a",), ()]])
def test_captions_without_ngrams(captions: list[tuple[str, ...]]) -> None:
    for counts in count_ngrams(captions, 4)[1:]:
        assert [len(column) for column in counts] == [0, 0, 0, 0]
    assert lengths(captions).tolist() == [len(caption) for caption in captions]


def test_the_most_of_each_key() -> None:
    keys, most = most_by_key(np.array([7, 2, 7, 0, 2, 7]), np.array([1, 5, 3, 4, 6, 2]))
    assert keys.tolist() == [0, 2, 7]
    assert most.tolist() == [4, 6, 3]
    nothing = np.zeros(0, dtype=np.int64)
    assert [part.tolist() for part in most_by_key(nothing, nothing)] == [[], []]


def test_looking_up_what_is_there_and_what_is_not() -> None:
    keys, values = np.array([0, 2, 7]), np.array([4, 6, 3])
    assert look_up(np.array([7, 1, 0, 8, 2, 7]), keys, values).tolist() == [3, 0, 4, 0, 6, 3]
    nothing = np.zeros(0, dtype=np.int64)
    assert look_up(np.array([1, 2]), nothing, nothing).tolist() == [0, 0]
    assert look_up(nothing, keys, values).tolist() == []
