import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.tokenizers import DefaultTokenizer

from metrics.rouge import UnicodeTokenizer
from metrics.words import note_on_spaces, without_spaces, words

ASCII = st.text(st.characters(max_codepoint=127))


@given(ASCII)
def test_words_of_ascii_are_those_of_the_rouge_package(text: str) -> None:
    assert words(text) == DefaultTokenizer(use_stemmer=False).tokenize(text)


@given(ASCII, st.sampled_from(["", " é", " \u2019", "\u00bd ", "狗"]), st.booleans())
def test_stems_of_ascii_words_are_those_of_the_package_whatever_is_beside_them(
    text: str, other: str, use_stemmer: bool
) -> None:
    theirs = DefaultTokenizer(use_stemmer)
    ours = UnicodeTokenizer(theirs)
    assert ours.tokenize(f"{text} {other}") == [*theirs.tokenize(text), *words(other)]


@given(st.text())
def test_words_hold_a_letter_or_digit_and_no_space(text: str) -> None:
    found = words(text)
    assert all(any(map(str.isalnum, word)) for word in found)
    assert " ".join(found).split() == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Красный круг, на фоне!", ["красный", "круг", "на", "фоне"]),
        ("Cafe\u0301 CAFÉ, \uff26\uff35\uff2c\uff2c", ["café", "café", "full"]),
        ("一只狗T恤。スケ", ["一", "只", "狗", "t", "恤", "ス", "ケ"]),
        ("हिन्दी में 강아지가 สุนัขวิ่ง", ["हिन्दी", "में", "강아지가", "สุนัขวิ่ง"]),
        ("می\u200cخواهم soft\u00adly", ["میخواهم", "softly"]),
        ("2 dogs \u2764\ufe0f 1\ufe0f\u20e3 \u0301 \U0001f469\u200d\U0001f4bb", ["2", "dogs", "1"]),
        ("İstanbul ISTANBUL", ["istanbul", "istanbul"]),
    ],
)
def test_words_of_other_scripts(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("spaced", "run_together"),
    [
        ("一 只 狗 在 草地 上", "一只狗在草地上"),
        ("スケートボード で 遊ぶ 男の子", "スケートボードで遊ぶ男の子"),
        ("สุนัข สีน้ำตาล วิ่ง เล่น ใน สวน", "สุนัขสีน้ำตาลวิ่งเล่นในสวน"),
        ("красный круг", None),
    ],
)
def test_what_is_written_without_spaces(spaced: str, run_together: str | None) -> None:
    assert without_spaces([spaced, "a dog"]) == 0
    assert note_on_spaces([spaced, "a dog"]) is None
    if run_together is not None:
        assert without_spaces([run_together, "a dog", run_together]) == 2
        assert str(note_on_spaces([run_together])).startswith("captions written without spaces between words: 1; ")
