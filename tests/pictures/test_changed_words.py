import pytest

from pictures.changed_words import marked_words


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
