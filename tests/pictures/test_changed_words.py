import pytest

from pictures.changed_words import changed_words, marked_words


@pytest.mark.parametrize(
    ("caption", "base", "marked"),
    [
        ("a red dog", "a red dog", "a red dog"),
        ("a blue dog", "a red dog", "a BLUE dog"),
        ("a small red dog", "a red dog", "a SMALL red dog"),
        ("a dog", "a red dog", "a dog"),  # what is gone is not there to be marked
        ("there is a dog", "a red dog", "THERE IS a dog"),
        ("dog", "", "DOG"),
        ("", "a dog", ""),
        ("a a a", "a a", "a a A"),
    ],
)
def test_words_that_the_base_lacks_are_marked(caption: str, base: str, marked: str) -> None:
    words = marked_words(caption, base)
    assert " ".join(word.text.upper() if word.changed else word.text for word in words) == marked


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a dog sits", "a dog sits", []),
        ("a dog sits", "a big dog stands", [1, 3]),
        ("a dog sits here", "a dog", []),
        ("", "a dog", [0, 1]),
        ("a red dog and a red cat", "a red dog and a blue cat", [5]),
    ],
)
def test_words_that_are_new_are_marked(before: str, after: str, expected: list[int]) -> None:
    assert sorted(changed_words(before.split(), after.split())) == expected
