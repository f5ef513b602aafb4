import numpy as np
import pytest

from metrics.diversity import CaptionSets
from metrics.ngrams import count_ngrams
from metrics.paired_captions import PairedCaptions
from tests.metrics.diversity.plain import IMAGES, Sets


def test_knows_image_and_slot_of_each_caption() -> None:
    sets = CaptionSets.of([[["a"], ["b", "c"]], [["d"], [], ["e"]]])
    assert sets.image_of_caption_N.tolist() == [0, 0, 1, 1, 1]
    assert sets.slot_of_caption_N.tolist() == [0, 1, 0, 1, 2]
    assert sets.counts_B.tolist() == [2, 3]
    assert sets.lengths_N.tolist() == [1, 2, 1, 0, 1]
    assert sets.by_image == [[["a"], ["b", "c"]], [["d"], [], ["e"]]]


@pytest.mark.parametrize("most", [2, 3, 5, 9])
def test_the_best_are_the_first_and_keep_their_ngrams(most: int) -> None:
    best = CaptionSets.of(IMAGES).best(most)
    captions = [caption for image in IMAGES for caption in image[:most]]
    assert best.captions == captions
    for of_best, counted in zip(best.ngrams, count_ngrams(captions, 4), strict=True):
        assert of_best.caption_K.tolist() == counted.caption_K.tolist()
        assert sorted(of_best.count_K.tolist()) == sorted(counted.count_K.tolist())
        assert len(np.unique(of_best.ngram_K)) == len(counted.where_G)


def test_looks_at_candidates_as_at_captions_counted_anew() -> None:
    candidates = [caption for image in IMAGES for caption in image]
    pairs = PairedCaptions(candidates, [[["a", "dog"]] for _ in IMAGES], np.repeat(range(5), list(map(len, IMAGES))))
    sets, anew = CaptionSets.of_candidates(pairs), CaptionSets.of(IMAGES)
    assert sets.captions == anew.captions
    assert sets.image_of_caption_N.tolist() == anew.image_of_caption_N.tolist()
    assert [counts.count_K.sum() for counts in sets.ngrams] == [counts.count_K.sum() for counts in anew.ngrams]


def test_refuses_candidates_that_leave_the_last_image_out() -> None:
    pairs = PairedCaptions([["a"], ["b"]], [[["a"]], [["b"]]], [0, 0])
    with pytest.raises(ValueError, match="got fewer for 1 of 2 images"):
        CaptionSets.of_candidates(pairs)


@pytest.mark.parametrize(
    ("captions", "match"),
    [
        ([], "captions of at least one image to measure how they differ, got none"),
        ([[["a"], ["b"]], [["c"]], [["d"]]], "got fewer for 2 of 3 images .first for number 1.; .* generation=sample"),
        ([[["a"], ["b"]], [], [["d"], ["e"]]], "at least two captions of each image .* got fewer for 1 of 3"),
        ([[["a"], ["b"]], []], "at least two captions of each image .* got fewer for 1 of 2"),
    ],
)
def test_refuses_single_captions(captions: Sets, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        CaptionSets.of(captions)
