from collections import Counter

import pytest

from metrics import ImageCaptions, PairedCaptions, all_candidates, first_candidates

REFERENCES = [[("a", "b", "c"), ("a",)], [("d", "d")], [("a", "b"), (), ("e", "f", "g", "h")]]
CANDIDATES = [("a", "b"), ("d",), ("z", "a", "b", "z", "a", "b")]


def test_one_candidate_for_each_image() -> None:
    pairs = PairedCaptions(CANDIDATES, REFERENCES)
    assert pairs.image_of_candidate_N.tolist() == [0, 1, 2]
    assert pairs.image_of_reference_R.tolist() == [0, 0, 1, 2, 2, 2]
    assert pairs.slot_of_reference_R.tolist() == [0, 1, 0, 0, 1, 2]
    assert pairs.candidate_lengths_N.tolist() == [2, 1, 6]
    assert pairs.reference_lengths_R.tolist() == [3, 1, 2, 2, 0, 4]
    assert pairs.reference_lengths_BX.tolist() == [[3, 1, 1], [2, 2, 2], [2, 0, 4]]


def test_ngrams_have_the_same_numbers_on_both_sides() -> None:
    pairs = PairedCaptions(CANDIDATES, REFERENCES)
    flat = [caption for captions in REFERENCES for caption in captions]
    assert len(pairs.ngrams) == 4
    for order, (candidates, references) in enumerate(pairs.ngrams, start=1):
        spelled = pairs.spell(order)
        for counts, captions in ((candidates, CANDIDATES), (references, flat)):
            found: list[Counter[str]] = [Counter() for _ in captions]
            for caption, ngram, count in zip(counts.caption_K, counts.ngram_K, counts.count_K, strict=True):
                found[caption][spelled[ngram]] = int(count)
            starts = [range(len(caption) - order + 1) for caption in captions]
            assert found == [
                Counter(" ".join(caption[start : start + order]) for start in places)
                for caption, places in zip(captions, starts, strict=True)
            ]


def test_many_candidates_in_any_order() -> None:
    pairs = PairedCaptions([*CANDIDATES, ()], REFERENCES, [2, 0, 0, 2])
    assert pairs.image_of_candidate_N.tolist() == [2, 0, 0, 2]
    assert pairs.candidate_lengths_N.tolist() == [2, 1, 6, 0]


@pytest.mark.parametrize(
    ("candidates", "references", "images", "message"),
    [
        (CANDIDATES[:2], REFERENCES, None, "an image for each of the 2 candidates, got 3; give image_of_candidate"),
        (CANDIDATES, REFERENCES, [0, 1], "an image for each of the 3 candidates, got 2"),
        (CANDIDATES, REFERENCES, [0, 3, 1], "image_of_candidate between 0 and 2, got 3"),
        (CANDIDATES, REFERENCES, [0, -1, 1], "image_of_candidate between 0 and 2, got -1"),
        (CANDIDATES, [[("a",)], [], [("b",)]], None, "at least one reference for each image, got none for image 1"),
    ],
)
def test_what_does_not_fit_is_refused(
    candidates: list[tuple[str, ...]],
    references: list[list[tuple[str, ...]]],
    images: list[int] | None,
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        PairedCaptions(candidates, references, images)


def test_captions_as_text_are_tokenized() -> None:
    images = [
        ImageCaptions(7, ["A dog runs.", "second"], ["The dog is running!", "Dogs"]),
        ImageCaptions(2, ["Two cats"], ["cats"]),
    ]
    best, every = first_candidates(images), all_candidates(images)
    assert [*map(tuple, best.candidates)] == [("a", "dog", "runs"), ("two", "cats")]
    assert [*map(tuple, every.candidates)] == [("a", "dog", "runs"), ("second",), ("two", "cats")]
    assert every.image_of_candidate_N.tolist() == [0, 0, 1]
    for pairs in (best, every):
        assert [[tuple(caption) for caption in captions] for captions in pairs.references] == [
            [("the", "dog", "is", "running"), ("dogs",)],
            [("cats",)],
        ]
