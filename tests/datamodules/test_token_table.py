import pytest

from datamodules import token_table
from datamodules.token_table import tokenize_or_load
from datamodules.tokenizers import fit_word

CAPTIONS = [["a dog runs", "a cat"], [], ["one", "a dog and a cat run far away", "a"], ["dog"]]


@pytest.mark.parametrize("chunk", [1, 2, 6, 100])
def test_holds_what_the_tokenizer_makes_of_each_caption(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_table, "CHUNK", chunk)
    tokenizer = fit_word(["a dog and a cat run"], min_count=1, max_length=6)
    table = tokenize_or_load(CAPTIONS, tokenizer)
    expected = [[tokenizer.encode(text) for text in of_image] for of_image in CAPTIONS]
    assert [[ids.tolist() for ids in table[i]] for i in range(len(table))] == expected
    with pytest.raises(IndexError, match="expected an index below 4, got 4"):
        table[4]


def test_none_are_none() -> None:
    table = tokenize_or_load([], fit_word(["a"], min_count=1))
    assert (len(table), len(table.ids_I), len(table.caption_ends_C)) == (0, 0, 0)
