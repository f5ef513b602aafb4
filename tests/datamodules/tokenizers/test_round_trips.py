"""Any text becomes ids and comes back, as far as the vocabulary knows it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from datamodules.tokenizers import CaptionTokenizer, fit_bpe, fit_word, load_gpt2

CAPTIONS = ["a dog runs", "two dogs don't run", "Ein Hund läuft .", "a t-shirt", "ＦＵＬＬ ﬁne"]
LONG = 10_000

texts = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from([*" ".join(CAPTIONS).split(), "<eos>", "<pad>", "<|endoftext|>", "'", "-"])).map(" ".join),
)


@pytest.fixture(scope="module")
def word() -> CaptionTokenizer:
    return fit_word(CAPTIONS, min_count=1, max_length=LONG)


@pytest.fixture(scope="module")
def bpe() -> CaptionTokenizer:
    return fit_bpe(CAPTIONS, vocab_size=300, max_length=LONG)


def _check_ids(tokenizer: CaptionTokenizer, ids: list[int]) -> None:
    vocabulary = tokenizer.vocabulary
    assert ids[: len(vocabulary.prefix)] == [*vocabulary.prefix]
    assert ids[-1] == vocabulary.eos_id
    within = ids[len(vocabulary.prefix) : -1]
    assert all(0 <= i < vocabulary.size for i in within)
    assert not {vocabulary.pad_id, vocabulary.bos_id, vocabulary.eos_id} & {*within}


@given(texts)
def test_words_come_back_but_for_unknown_ones(word: CaptionTokenizer, text: str) -> None:
    ids = word.encode(text)
    _check_ids(word, ids)
    known = [i for i in ids if i != word.vocabulary.unk_id]
    assert word.encode(word.decode(ids)) == known


@given(texts)
@example("İ ﬃ ẞ Σας")
def test_byte_pairs_spell_every_text(bpe: CaptionTokenizer, text: str) -> None:
    ids = bpe.encode(text)
    _check_ids(bpe, ids)
    text = bpe.decode(ids)
    assert text.strip() == text
    assert bpe.decode(bpe.encode(text)) == text
    if text.isascii() and text.isprintable():
        assert text == text.lower().strip()


@given(text=texts)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the files do not change
def test_gpt2_gives_every_text_back(gpt2_folder: Path, text: str) -> None:
    tokenizer = load_gpt2([], path=gpt2_folder, max_length=LONG)
    ids = tokenizer.encode(text)
    _check_ids(tokenizer, ids)
    assert tokenizer.decode(ids) == text.strip()


@given(texts, st.integers(1, 5))
def test_a_cut_caption_is_the_start_of_the_whole_one(text: str, max_length: int) -> None:
    whole = fit_word(CAPTIONS, min_count=1, max_length=LONG).encode(text)
    cut = fit_word(CAPTIONS, min_count=1, max_length=max_length).encode(text)
    assert cut == (whole[: 1 + max_length])


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
@pytest.mark.parametrize("fit", [lambda c: fit_word(c, min_count=1), lambda c: fit_bpe(c, vocab_size=270)])
def test_any_captions_make_a_vocabulary_or_are_refused(
    fit: Callable[[list[str]], CaptionTokenizer], captions: list[str]
) -> None:
    tokenizer, message = None, ""
    try:
        tokenizer = fit(captions)
    except ValueError as error:
        message = str(error)
    if tokenizer is None:
        assert "expected" in message
        return
    again = CaptionTokenizer.from_json(tokenizer.to_json())
    assert again.encode_batch(captions) == tokenizer.encode_batch(captions)


nearly_saved = st.tuples(st.integers(), st.text(max_size=20)).map(
    lambda pair: json.dumps({"max_length": pair[0], "tokenizer": pair[1]})
)


@given(st.one_of(st.text(max_size=50), nearly_saved))
@example("[" * 100_000)
@example('{"max_length": ' + "9" * 5000 + ', "tokenizer": "{}"}')
def test_any_text_is_a_tokenizer_or_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"fit the tokenizer again"):
        CaptionTokenizer.from_json(text)
