import pytest

from datamodules.tokenizers import fit_word


def test_words_by_descending_count_then_alphabet_after_special_tokens() -> None:
    captions = ["the cat", "the dog", "the cat, a bee", "dog"]
    tokenizer = fit_word(captions, min_count=1, has_cls=True)
    assert tokenizer.words == ["<pad>", "<bos>", "<eos>", "<unk>", "<cls>", "the", "cat", "dog", "a", "bee"]
    assert fit_word(captions[::-1], min_count=1, has_cls=True).to_json() == tokenizer.to_json()


def test_rare_words_become_unknown() -> None:
    tokenizer = fit_word(["red dog", "red cat", "red dog"], min_count=2)
    assert tokenizer.words[4:] == ["red", "dog"]
    assert tokenizer.encode("red cat dog") == [1, 4, 3, 5, 2]
    assert tokenizer.decode([1, 4, 3, 5, 2]) == "red dog"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A Dog's T-SHIRT .", ["a", "dog's", "t-shirt"]),
        ("the dog\u2019s \u2018bone\u2019", ["the", "dog's", "bone"]),
        ("'quoted' -- well-known-- rock-'n'-roll", ["quoted", "well-known", "rock", "n", "roll"]),
        ("\uff26\uff35\uff2c\uff2c width, ﬁne", ["full", "width", "fine"]),
        ("snake_case 3,000 <eos>", ["snake", "case", "3", "000", "eos"]),
        ("cafe\u0301 ÉCOLE हिन्दी", ["café", "école", "हिन्दी"]),
        ("a dog \u2764\ufe0f, 1\ufe0f\u20e3 ball \U0001f469\u200d\U0001f4bb \ufe0f", ["a", "dog", "1", "ball"]),
        ("\u0301 \u093f - soft\u00adly \u200fעברית\u200e \u3164", ["softly", "עברית"]),
        ("می\u200cخواهم สุนัข İstanbul", ["می\u200cخواهم", "สุนัข", "istanbul"]),
        ("红色的 T恤##ok", ["红", "##色", "##的", "t", "##恤", "ok"]),
        ("スケート 강아지가", ["ス", "##ケ", "##ー", "##ト", "강아지가"]),
    ],
)
def test_what_counts_as_a_word(text: str, words: list[str]) -> None:
    tokenizer = fit_word([text], min_count=1)
    assert [tokenizer.tokens[i] for i in tokenizer.encode(text)[1:-1]] == words


@pytest.mark.parametrize("caption", ["灰色背景上有一个红圆", "一 只 狗 在 草地 上", "t恤 上 有ok", "犬がスケボーで"])
def test_characters_come_out_with_the_spaces_that_went_in(caption: str) -> None:
    tokenizer = fit_word([caption], min_count=1)
    assert tokenizer.decode(tokenizer.encode(caption)) == caption


def test_what_starts_with_a_character_that_had_none_before_it_is_written_alone() -> None:
    tokenizer = fit_word(["红色的狗"], min_count=1)
    assert tokenizer.decode(tokenizer.encode("圆色的")) == "色的"  # the first one is unknown


def test_a_required_word_is_spelled_as_it_is_commonly_written() -> None:
    tokenizer = fit_word(["一只红狗", "白狗", "狗", "a dog"], min_count=1)
    for phrase, tokens in (("狗", ["##狗"]), ("红狗", ["##红", "##狗"]), ("白狗", ["白", "##狗"]), ("dog", ["dog"])):
        assert [tokenizer.tokens[i] for i in tokenizer.tokenize_word(phrase)] == tokens
    assert tokenizer.tokenize_word("猫") == [tokenizer.vocabulary.unk_id]


def test_sentences_in_one_run_of_letters_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    fit_word(["สุนัข วิ่ง เล่น", "一只红色的狗在草地上"], min_count=1)
    assert caplog.messages == []
    fit_word(["สุนัขวิ่งเล่นในสวน", "a dog"], min_count=1)
    (message,) = caplog.messages
    assert message.startswith("tokenizer=word: 1 of 2 captions are in Thai, Lao, Khmer or Burmese without spaces")


def test_refuses_a_vocabulary_without_words() -> None:
    with pytest.raises(ValueError, match=r"tokenizer.min_count=3 times in the 2 training captions.*\('dog', 2\)"):
        fit_word(["dog", "dog"], min_count=3)
    with pytest.raises(ValueError, match=r"lower tokenizer.min_count or check the captions"):
        fit_word(["..."], min_count=1)
    with pytest.raises(ValueError, match=r"tokenizer.min_count must be at least 1, got 0"):
        fit_word(["dog"], min_count=0)


def test_a_word_without_a_space_before_it_is_a_word_like_any_other() -> None:
    tokenizer = fit_word(["红狗", "红 dog"], min_count=1)
    assert "##狗" in tokenizer.tokens
    assert {*tokenizer.words[4:]} == {"红", "狗", "dog"}
