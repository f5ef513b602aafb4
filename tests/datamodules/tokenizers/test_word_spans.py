import pytest
import torch

from datamodules.tokenizers import CaptionTokenizer, fit_bpe, fit_word, word_spans

CAPTIONS = ["a fireman sits, still", "a café in 東京都 at night", "naïve dogs 🐕 run"]


@pytest.fixture(params=["word", "bpe", "bytes"])
def tokenizer(request: pytest.FixtureRequest) -> CaptionTokenizer:
    if request.param == "word":
        return fit_word(CAPTIONS, min_count=1)
    return fit_bpe(CAPTIONS * 9 if request.param == "bpe" else ["x"], vocab_size=290 if request.param == "bpe" else 259)


def _ids(tokenizer: CaptionTokenizer, caption: str) -> list[int]:
    return tokenizer.encode(caption)[len(tokenizer.vocabulary.prefix) :]


@pytest.mark.parametrize("caption", CAPTIONS)
def test_the_words_are_the_caption_and_cover_all_tokens(tokenizer: CaptionTokenizer, caption: str) -> None:
    ids = _ids(tokenizer, caption)
    *words, end = word_spans(tokenizer, [*ids, tokenizer.vocabulary.pad_id])
    assert "".join(" " * word.spaced + word.text for word in words) == tokenizer.decode(ids)
    assert [word.start for word in (*words, end)] == [0, *(word.stop for word in words)]
    assert end == ("", True, len(ids) - 1, len(ids))


def test_pieces_of_a_word_are_joined_and_marks_stand_alone() -> None:
    tokenizer = fit_bpe(["x"], vocab_size=259)
    words = word_spans(tokenizer, _ids(tokenizer, "a fireman sits, still"))
    assert [word.text for word in words] == ["a", "fireman", "sits", ",", "still", ""]
    assert [word.spaced for word in words[:-1]] == [False, True, True, False, True]
    assert words[1].stop - words[1].start == len(" fireman")


def test_characters_without_space_are_words() -> None:
    tokenizer = fit_word(CAPTIONS, min_count=1)
    words = word_spans(tokenizer, _ids(tokenizer, "in 東京都"))
    assert [(word.text, word.spaced) for word in words[:-1]] == [
        ("in", False),
        ("東", True),
        ("京", False),
        ("都", False),
    ]


def test_an_unfinished_caption_has_no_end_and_an_unknown_word_is_told() -> None:
    tokenizer = fit_word(CAPTIONS, min_count=1)
    words = word_spans(tokenizer, _ids(tokenizer, "a zebra sits")[:-1])
    assert [word.text for word in words] == ["a", "<unk>", "sits"]
    assert word_spans(tokenizer, []) == []
    assert [word.text for word in word_spans(tokenizer, [tokenizer.vocabulary.eos_id])] == [""]


def test_any_tokens_in_any_order_are_what_they_decode_to() -> None:
    tokenizer = fit_bpe(CAPTIONS * 9, vocab_size=290)
    ordinary = [i for i in range(290) if i not in (*tokenizer.vocabulary.suppressed_ids, tokenizer.vocabulary.eos_id)]
    for _ in range(200):
        ids = [ordinary[i] for i in torch.randint(len(ordinary), (7,))]
        words = word_spans(tokenizer, ids)
        assert "".join(" " * word.spaced + word.text for word in words).strip() == tokenizer.decode(ids)
        assert [i for word in words for i in range(word.start, word.stop)] == [*range(7)]
        assert all(word.text for word in words)


def test_spaces_at_the_end_belong_to_the_last_word() -> None:
    tokenizer = fit_bpe(["x"], vocab_size=259)
    space = tokenizer.tokens.index("Ġ")
    ids = [*_ids(tokenizer, "x")[:-1], space, space]
    assert word_spans(tokenizer, ids) == [("x", False, 0, len(ids))]
    assert word_spans(tokenizer, [space]) == [("Ġ", False, 0, 1)]
