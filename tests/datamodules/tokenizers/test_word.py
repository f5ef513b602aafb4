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
    ],
)
def test_what_counts_as_a_word(text: str, words: list[str]) -> None:
    tokenizer = fit_word([text], min_count=1)
    assert [tokenizer.words[i] for i in tokenizer.encode(text)[1:-1]] == words


def test_refuses_a_vocabulary_without_words() -> None:
    with pytest.raises(ValueError, match=r"tokenizer.min_count=3 times in the 2 training captions.*\('dog', 2\)"):
        fit_word(["dog", "dog"], min_count=3)
    with pytest.raises(ValueError, match=r"lower tokenizer.min_count or check the captions"):
        fit_word(["..."], min_count=1)
    with pytest.raises(ValueError, match=r"tokenizer.min_count must be at least 1, got 0"):
        fit_word(["dog"], min_count=0)
