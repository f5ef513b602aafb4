from collections.abc import Callable

import numpy as np
import pytest

from metrics.diversity import CaptionSets, distinct_share, div_n, is_novel, vocabulary_size
from metrics.ngrams import Floats
from tests.metrics.diversity.plain import IMAGES, Sets, ngrams, random_sets

SETS = [
    IMAGES,
    *(random_sets([count] * 5, seed=count) for count in range(2, 7)),
    random_sets([2, 6, 3, 5, 2, 4], seed=0),
]


@pytest.mark.parametrize("captions", SETS, ids=lambda captions: "-".join(str(len(image)) for image in captions))
def test_shares_are_those_of_plain_counting(captions: Sets) -> None:
    sets = CaptionSets.of(captions)
    shares = [len(set(map(tuple, image))) / len(image) for image in captions]
    assert distinct_share(sets).tolist() == pytest.approx(shares)
    for order in range(1, 5):
        distinct = [{ngram for caption in image for ngram in ngrams(caption, order)} for image in captions]
        words = [sum(map(len, image)) for image in captions]
        expected = [len(found) / max(all_words, 1) for found, all_words in zip(distinct, words, strict=True)]
        assert div_n(sets, order).tolist() == pytest.approx(expected)
    assert vocabulary_size(sets) == len({word for image in captions for caption in image for word in caption})


def test_hand_values() -> None:
    sets = CaptionSets.of([[["a", "b", "a"], ["a", "b"], ["a", "b"], []], [["c", "d", "e"], ["f", "g"]]])
    assert distinct_share(sets).tolist() == [3 / 4, 1]
    assert div_n(sets, 1).tolist() == [2 / 7, 1]  # a, b
    assert div_n(sets, 2).tolist() == [2 / 7, 3 / 5]  # "a b", "b a" over words, not over the four pairs
    assert vocabulary_size(sets) == 7


def test_where_nothing_is_generated_nothing_differs() -> None:
    sets = CaptionSets.of([[[], []], [["a"], []]])
    assert distinct_share(sets).tolist() == [1 / 2, 1]
    assert div_n(sets, 1).tolist() == [0, 1]
    assert div_n(sets, 2).tolist() == [0, 0]
    assert vocabulary_size(sets) == 1
    assert vocabulary_size(CaptionSets.of([[[], []]])) == 0


@pytest.mark.parametrize("measure", [distinct_share, lambda sets: div_n(sets, 1), lambda sets: div_n(sets, 2)])
def test_neither_the_order_nor_the_words_themselves_matter(measure: Callable[[CaptionSets], Floats]) -> None:
    values = measure(CaptionSets.of(IMAGES))
    assert ((values >= 0) & (values <= 1)).all()
    turned = measure(CaptionSets.of([image[::-1] for image in IMAGES[::-1]]))
    assert turned[::-1].tolist() == pytest.approx(values.tolist())
    renamed = [[[f"w{hash(word)}" for word in caption] for caption in image] for image in IMAGES]
    assert measure(CaptionSets.of(renamed)).tolist() == values.tolist()


def test_a_caption_is_novel_unless_all_its_words_were_generated_in_this_order() -> None:
    captions = [["a", "dog"], ["dog", "a"], ["a", "dog", "runs"], ["a"], []]
    assert is_novel(captions, {"a dog", "a dog sits"}).tolist() == [False, True, True, True, True]
    assert is_novel(captions, {""}).tolist() == [True, True, True, True, False]
    assert is_novel([], {"a"}).dtype == np.bool_
