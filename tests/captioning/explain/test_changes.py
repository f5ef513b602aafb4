import pytest

from captioning.explain.changes import changed_words


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
