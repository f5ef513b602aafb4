"""The style of a caption, told by what it claims."""

import pytest

from datamodules.shapes.grammar import STYLES, captions_at
from datamodules.shapes.style import style_of


def test_every_caption_of_the_grammar_is_of_its_style() -> None:
    for index in range(500):
        assert [style_of(caption) for caption in captions_at(11, index)] == [*STYLES]


@pytest.mark.parametrize(
    "mixed",
    [
        "",
        "a dog",
        "a large red circle",
        "red circle on a dark striped background",
        "a large red circle at the top and a blue square",
        "the large red circle is alone",
    ],
)
def test_what_mixes_styles_is_of_none(mixed: str) -> None:
    assert style_of(mixed) is None
