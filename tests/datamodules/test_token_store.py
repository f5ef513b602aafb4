import pytest

from datamodules import token_store
from datamodules.token_store import TokenStore
from datamodules.tokenizers import fit_word

CAPTIONS = [["a dog runs", "a cat"], [], ["one", "a dog and a cat run far away", "a"], ["dog"]]


@pytest.mark.parametrize("at_once", [1, 2, 6, 100])
def test_holds_what_the_tokenizer_makes_of_each_caption(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_store, "AT_ONCE", at_once)
    tokenizer = fit_word(["a dog and a cat run"], min_count=1, max_length=6)
    store = TokenStore(CAPTIONS, tokenizer)
    expected = [[tokenizer.encode(text) for text in of_image] for of_image in CAPTIONS]
    assert [[ids.tolist() for ids in of_image] for of_image in store] == expected
    assert [ids.tolist() for ids in store[-2]] == expected[2]
    assert [[ids.tolist() for ids in of_image] for of_image in store[1:3]] == expected[1:3]
    assert store.captions_N.tolist() == [2, 0, 3, 1]
    assert store.last_ids_C.tolist() == [ids[-1] for of_image in expected for ids in of_image]
    with pytest.raises(IndexError, match="image 4 of 4"):
        store[4]


def test_none_are_none() -> None:
    store = TokenStore([], fit_word(["a"], min_count=1))
    assert (len(store), [*store], len(store.last_ids_C)) == (0, [], 0)
