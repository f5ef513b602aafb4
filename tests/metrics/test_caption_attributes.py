import pytest

from metrics.caption_attributes import caption_attributes, length_class, num_colours, opening, people, tense


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("A dog is running through tall grass .", "progressive"),
        ("two boys playing", "progressive"),
        ("a man runs", "present"),
        ("the dogs are wet", "present"),
        ("a brown building", "none"),  # no participle
        ("a king in spring", "none"),
        ("three men in a boat", "none"),
    ],
)
def test_tense(caption: str, expected: str) -> None:
    assert tense(caption.lower().split()) == expected


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("a dog", "0"),
        ("a man", "1"),
        ("a man and his child", "2"),
        ("two women on a bench", "2"),
        ("a couple of people", "2"),
        ("three boys", "many"),
        ("a group of men", "many"),
        ("a man watches two girls", "many"),
        ("lots of people", "many"),
    ],
)
def test_people(caption: str, expected: str) -> None:
    assert people(caption.split()) == expected


@pytest.mark.parametrize(
    ("caption", "expected"),
    [("a dog", "0"), ("a red ball", "1"), ("black and white dog", "2"), ("red blue green blue", "3 or more")],
)
def test_colours(caption: str, expected: str) -> None:
    assert num_colours(caption.split()) == expected


@pytest.mark.parametrize(
    ("caption", "expected"), [("the dog", "article"), ("two dogs", "number"), ("dogs run", "other"), ("", "other")]
)
def test_openings(caption: str, expected: str) -> None:
    assert opening(caption.split()) == expected


def test_lengths_are_counted_in_words() -> None:
    factor = length_class(["one two", "a b c d e f g h .", "a b c d e f g h i", " ".join("abcdefghijklm"), ""])
    assert [factor.classes[label] for label in factor.labels_N] == ["short", "short", "medium", "long", "short"]


def test_captions_are_read_in_any_case_and_without_punctuation() -> None:
    factors = caption_attributes(["A Woman, in RED, is Jumping!", "dogs"])
    assert {factor.name: factor.classes[factor.labels_N[0]] for factor in factors} == {
        "length": "short",
        "tense": "progressive",
        "colours": "1",
        "people": "1",
        "opening": "article",
    }
    assert all(len(factor.labels_N) == 2 for factor in factors)
