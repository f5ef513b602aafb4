from pathlib import Path

import numpy as np
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


def test_many_are_tokenized_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_table, "MANY", 6)
    tokenizer = fit_word(["a dog and a cat run"], min_count=1, max_length=6)
    expected = [[ids.tolist() for ids in of_image] for of_image in tokenize_or_load(CAPTIONS, tokenizer)]
    first = tokenize_or_load(CAPTIONS, tokenizer, cache_dir=tmp_path)
    assert [[ids.tolist() for ids in of_image] for of_image in first] == expected
    fewer = tokenize_or_load(CAPTIONS[2:], tokenizer, cache_dir=tmp_path)
    assert [[ids.tolist() for ids in of_image] for of_image in fewer] == expected[2:]
    monkeypatch.setattr(token_table, "_tokenized", lambda *_: pytest.fail("captions were tokenized again"))
    again = tokenize_or_load(CAPTIONS, tokenizer, cache_dir=tmp_path)
    assert [[ids.tolist() for ids in of_image] for of_image in again] == expected
    assert isinstance(again.ids_I.base, np.memmap)


def test_ids_of_a_vocabulary_beyond_two_bytes_are_kept_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_table, "MANY", 1)
    words = [f"w{number}" for number in range(2**16)]
    tokenizer = fit_word([" ".join(words)], min_count=1, max_length=6)
    last = max(range(len(words)), key=lambda number: tokenizer.encode(words[number])[1])
    for cache_dir in (None, tmp_path, tmp_path):
        ((ids,),) = tokenize_or_load([[words[last]]], tokenizer, cache_dir=cache_dir)
        assert ids.tolist() == tokenizer.encode(words[last])
        assert ids.max() >= 2**16


def test_none_are_none() -> None:
    table = tokenize_or_load([], fit_word(["a"], min_count=1))
    assert (len(table), len(table.ids_I), len(table.caption_ends_C)) == (0, 0, 0)
