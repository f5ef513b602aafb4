import pytest

from datamodules.annotations.normalisation import normalised


@pytest.mark.parametrize(
    ("caption", "read"),
    [
        ("A dog .", "A dog ."),
        (" Eine  Straße\tin\u00a0Köln\r\n", "Eine Straße in Köln"),
        ("Tom &amp; Jerry&#39;s &quot;cat&quot; &amp;lt;3", 'Tom & Jerry\'s "cat" <3'),
        ("R&D, AT&T; a & b", "R&D, AT&T; a & b"),
        ("two\u2028lines\x0b\x00", "two lines"),
        ("\ufeffcafe\u0301", "café"),
        ("Собака 犬 कुत्ता كلب 🐕\u200d🦺 ❤\ufe0f", "Собака 犬 कुत्ता كلب 🐕\u200d🦺 ❤\ufe0f"),
        ('"quoted", ‘so’ and «so»', '"quoted", ‘so’ and «so»'),
        ("\n\t ", ""),
    ],
)
def test_captions_are_normalised(caption: str, read: str) -> None:
    assert normalised(caption) == read
    assert normalised(read) == read
