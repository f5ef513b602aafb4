"""The contract that every fitted tokenizer keeps."""

import copy
import json
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from datamodules.tokenizers import CaptionTokenizer, fit_bpe, fit_word, load_gpt2

Fitter = partial[CaptionTokenizer]

CAPTIONS = ["a dog runs on the grass", "a man and a dog run", "the man rides a red bike"]


@pytest.fixture(params=["word", "bpe", "gpt2"])
def fitter(request: pytest.FixtureRequest, gpt2_folder: Path) -> Fitter:
    fitters: dict[str, Fitter] = {
        "word": partial(fit_word, min_count=1),
        "bpe": partial(fit_bpe, vocab_size=300),
        "gpt2": partial(load_gpt2, path=gpt2_folder),
    }
    return fitters[request.param]


def test_decode_undoes_encode(fitter: Fitter) -> None:
    tokenizer = fitter(CAPTIONS)
    ids = tokenizer.encode_batch(CAPTIONS)
    assert tokenizer.decode_batch(ids) == CAPTIONS
    assert [tokenizer.encode(caption) for caption in CAPTIONS] == ids


def test_words_are_spelled_as_in_the_middle_of_a_caption(fitter: Fitter) -> None:
    tokenizer = partial(fitter, max_length=3)(CAPTIONS)
    for text, start, end in (("a dog runs", "a", "dog runs"), ("man and a dog", "man", " and a  dog ")):
        spelled = tokenizer.tokenize_word(end)
        whole = fitter(CAPTIONS).encode(text)
        assert whole[-1 - len(spelled) : -1] == spelled
        assert tokenizer.decode([*fitter(CAPTIONS).encode(start)[:-1], *spelled]) == text


def test_tokens_that_continue_a_word(fitter: Fitter) -> None:
    tokenizer = fitter(CAPTIONS)
    continuing = {tokenizer.tokens[i] for i in tokenizer.continuing}
    if tokenizer.vocabulary.unk_id is not None:
        assert continuing == set()
        return
    assert {"s", "an", "9", "Ã"} <= continuing
    assert not {"Ġ", "Ġdog", ".", "'", "<pad>", "<|endoftext|>"} & continuing


def test_a_token_stands_for_a_word_unless_it_continues_one(fitter: Fitter) -> None:
    tokenizer = fitter(CAPTIONS)
    word_of = dict(zip(tokenizer.tokens, tokenizer.words, strict=True))
    assert word_of["<eos>"] == "<eos>"
    if tokenizer.vocabulary.unk_id is not None:
        assert tokenizer.words == tokenizer.tokens
        return
    expected = {"Ġdog": "dog", "Ġ": "", "s": "", "an": "", "9": "", ".": ".", "Ã": "", "Ċ": ""}
    assert {token: word_of[token] for token in expected} == expected


def test_caption_begins_with_prefix_and_ends_with_eos(fitter: Fitter) -> None:
    tokenizer = partial(fitter, has_cls=True)(CAPTIONS)
    vocabulary = tokenizer.vocabulary
    ids = tokenizer.encode("a dog")
    assert tuple(ids[:2]) == (vocabulary.cls_id, vocabulary.bos_id) == vocabulary.prefix
    assert ids[-1] == vocabulary.eos_id
    assert not {*vocabulary.suppressed_ids, vocabulary.eos_id} & {*ids[2:-1]}


def test_vocabulary_numbers_every_token_once(fitter: Fitter) -> None:
    tokenizer = fitter(CAPTIONS)
    vocabulary = tokenizer.vocabulary
    assert vocabulary.cls_id is None
    assert vocabulary.prefix == (vocabulary.bos_id,)
    assert len(set(tokenizer.tokens)) == len(tokenizer.tokens) == vocabulary.size
    assert tokenizer.tokens[vocabulary.pad_id] == "<pad>"
    assert tokenizer.tokens[vocabulary.bos_id] == "<bos>"
    assert tokenizer.tokens[vocabulary.eos_id] == "<eos>"


def test_long_caption_is_cut_and_does_not_end_there(fitter: Fitter) -> None:
    whole = fitter(CAPTIONS)
    short = partial(fitter, max_length=4)(CAPTIONS)
    assert short.encode(CAPTIONS[0]) == whole.encode(CAPTIONS[0])[: 1 + 4]
    of_three = whole.decode(whole.encode(CAPTIONS[0])[: 1 + 3])
    assert short.encode(of_three) == whole.encode(of_three)
    assert whole.rates(whole.encode_batch(CAPTIONS)).cut == 0
    assert short.rates(short.encode_batch([*CAPTIONS, "a"])).cut == 0.75


@pytest.mark.parametrize("typed", ["<eos>", "<pad>", "<bos>", "<cls>", "<unk>", "<|endoftext|>"])
def test_special_token_typed_in_a_caption_stays_text(fitter: Fitter, typed: str) -> None:
    tokenizer = partial(fitter, has_cls=True)([*CAPTIONS, "eos pad bos cls unk endoftext"])
    special = [tokenizer.tokens.index(token) for token in tokenizer.tokens if token.startswith("<") and token[1:]]
    between = tokenizer.encode(f"a {typed} dog")[2:-1]
    assert not {*special} & {*between}
    assert typed.strip("<|>") in tokenizer.decode(tokenizer.encode(f"a {typed} dog"))


def test_decode_stops_at_first_eos_and_drops_special_tokens(fitter: Fitter) -> None:
    tokenizer = fitter(CAPTIONS)
    vocabulary = tokenizer.vocabulary
    dog = tokenizer.encode("a dog")
    padded = torch.tensor([*dog, vocabulary.pad_id, dog[1], vocabulary.pad_id])
    assert tokenizer.decode(padded) == tokenizer.decode(padded.tolist()) == "a dog"
    assert tokenizer.decode([vocabulary.pad_id, *dog[:-1], vocabulary.bos_id]) == "a dog"
    assert tokenizer.decode_batch(padded.expand(2, -1)) == ["a dog", "a dog"]
    assert tokenizer.decode([vocabulary.eos_id, *dog]) == ""


def _through_json(tokenizer: CaptionTokenizer) -> CaptionTokenizer:
    return CaptionTokenizer.from_json(tokenizer.to_json())


def _through_pickle(tokenizer: CaptionTokenizer) -> CaptionTokenizer:
    copied: CaptionTokenizer = pickle.loads(pickle.dumps(tokenizer))
    return copied


@pytest.mark.parametrize("copy_of", [_through_json, _through_pickle, copy.deepcopy])
def test_copies_behave_the_same(fitter: Fitter, copy_of: Callable[[CaptionTokenizer], CaptionTokenizer]) -> None:
    tokenizer = partial(fitter, max_length=5)(CAPTIONS)
    copied = copy_of(tokenizer)
    texts = [*CAPTIONS, "typed <eos> text", "ünknown Wörds, 12"]
    assert copied.encode_batch(texts) == tokenizer.encode_batch(texts)
    assert copied.vocabulary == tokenizer.vocabulary
    assert copied.to_json() == tokenizer.to_json()


def test_unknown_rate() -> None:
    words = fit_word(["a dog", "a cat"], min_count=2)
    assert words.rates(words.encode_batch(["a dog", "a a"])).unknown == 0.25
    assert words.rates([]) == (0, 0)
    pieces = fit_bpe(CAPTIONS, vocab_size=300)
    assert pieces.rates(pieces.encode_batch(["zebra ☃"])).unknown == 0


@pytest.mark.parametrize("fields", [{"max_length": 5}, [], {"max_length": 5, "tokenizer": "{}"}])
def test_from_json_refuses_other_json(fields: object) -> None:
    with pytest.raises(ValueError, match=r"expected a tokenizer as written by CaptionTokenizer.to_json"):
        CaptionTokenizer.from_json(json.dumps(fields))


def test_from_json_refuses_cut_text() -> None:
    text = fit_word(CAPTIONS, min_count=1).to_json()
    with pytest.raises(ValueError, match="got no valid JSON"):
        CaptionTokenizer.from_json(text[: len(text) // 2])


def test_refuses_unusable_tokenizers() -> None:
    with pytest.raises(ValueError, match=r"got one without \['<bos>', '<eos>'\]"):
        CaptionTokenizer(Tokenizer(WordLevel({"<pad>": 0}, unk_token="<pad>")), max_length=5)
    gap = {"<pad>": 0, "<bos>": 1, "<eos>": 2, "dog": 7}
    with pytest.raises(ValueError, match="4 tokens to be numbered from 0 without gaps, got the highest id 7"):
        CaptionTokenizer(Tokenizer(WordLevel(gap, unk_token="<pad>")), max_length=5)
    with pytest.raises(ValueError, match=r"tokenizer.max_length must be at least 1, got 0"):
        fit_word(CAPTIONS, min_count=1, max_length=0)
