"""A fitted tokenizer with what the captioner must know of it.

Shape legend: N captions, L tokens.
"""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import takewhile
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

# Tokenizing a whole data set takes seconds on one core, and the library's threads do not survive the fork of data
# loader workers: without this line it warns of that at every fork.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

PAD, BOS, EOS, UNK, CLS = "<pad>", "<bos>", "<eos>", "<unk>", "<cls>"
WORD_START = "Ġ"  # how byte-level vocabularies write the space before a word
NO_TEXT = "\N{REPLACEMENT CHARACTER}"  # what bytes are decoded to that are only part of a letter
CONTINUES = "##"  # before a word that has no space before it, as Chinese and Japanese characters
CHARACTER = "\u4e00"  # after which nothing has a space before it


class Vocabulary(NamedTuple):
    """The size of the vocabulary and the ids of its special tokens.

    Attributes:
        size: Number of tokens, special ones included; the width of the logits.
        pad_id: Fills captions up to the longest of a batch; never counted in a loss.
        bos_id: Begins a caption.
        eos_id: Ends a caption.
        unk_id: Stands for words outside of the vocabulary; None where every text can be spelled (byte-level BPE).
        cls_id: The class token before `bos_id`; None without `has_cls`.
        other_special: Ids of special tokens that the vocabulary came with, such as GPT-2's `<|endoftext|>`.
    """

    size: int
    pad_id: int
    bos_id: int
    eos_id: int
    unk_id: int | None
    cls_id: int | None
    other_special: tuple[int, ...] = ()

    @property
    def prefix(self) -> tuple[int, ...]:
        """The ids that every caption begins with; given to the decoder, never predicted by it."""
        return (self.bos_id,) if self.cls_id is None else (self.cls_id, self.bos_id)

    @property
    def suppressed_ids(self) -> tuple[int, ...]:
        """The special ids that no generated caption may contain: all but `eos_id`."""
        ours = (self.pad_id, self.bos_id, self.unk_id, self.cls_id)
        return (*(i for i in ours if i is not None), *self.other_special)


class CaptionRates(NamedTuple):
    """How much of captions a tokenizer loses.

    Attributes:
        unknown: Share of the words that the vocabulary lacks, but for words that are cut; 0 where every text can be
            spelled.
        cut: Share of the captions that are longer than `max_length` and lose their end.
    """

    unknown: float
    cut: float


class CaptionTokenizer:
    """Encodes captions as `prefix, words…, <eos>` and decodes ids back to text.

    Args:
        tokenizer: A fitted tokenizer of the `tokenizers` library, special tokens included; owned from here on.
        max_length: Most tokens of a caption after the prefix, `<eos>` included; longer captions are cut there, and then
            have no `<eos>`: no model is to learn that captions end in the middle.

    Raises:
        ValueError: `max_length` is below 1, a special token is missing, or the ids have gaps.
    """

    def __init__(self, tokenizer: Tokenizer, *, max_length: int) -> None:
        if max_length < 1:
            raise ValueError(f"tokenizer.max_length must be at least 1, got {max_length}")
        self.max_length = max_length
        self.vocabulary = _vocabulary(tokenizer)
        self._tokenizer = tokenizer
        # A caption in which someone typed "<eos>" says those five characters; it does not end there.
        self._tokenizer.encode_special_tokens = True

    def encode(self, text: str) -> list[int]:
        """Return the prefix, and the ids of all tokens with `eos_id`, or the first `max_length` of those."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Return what `encode` returns for each text."""
        prefix, end = self.vocabulary.prefix, [self.vocabulary.eos_id]
        return [[*prefix, *[*ids, *end][: self.max_length]] for ids in self._uncut_ids(texts)]

    def tokens_after_prefix(self, texts: Sequence[str]) -> Tensor:
        """Return what `encode` returns for each text without the prefix, padded: `tokens_NL`."""
        rows = [torch.tensor(ids[len(self.vocabulary.prefix) :]) for ids in self.encode_batch(texts)]
        return pad_sequence(rows, batch_first=True, padding_value=self.vocabulary.pad_id)

    def tokenize_word(self, phrase: str) -> list[int]:
        """Return the ids of words as they stand in the middle of a caption, none cut."""
        # after a space: byte-level vocabularies have tokens of their own for words that are not the first
        words = " ".join(phrase.split())
        after_space, after_character = self._uncut_ids([f" {words}", f"{CHARACTER}{words}"])
        within, unknown = after_character[1:], self.vocabulary.unk_id
        if unknown is None or len(within) != len(after_space):
            return after_space
        # ids are in the order of frequency: with a space before it or without, as it was commonly written
        return min(after_space, within, key=lambda ids: (unknown in ids, ids[:1]))

    @cached_property
    def continuing(self) -> list[int]:
        """The ids of tokens that continue the word before them; none where every token is a whole word."""
        if self.vocabulary.unk_id is not None:
            return []
        # bytes beyond ASCII are written as letters
        special = {*self.vocabulary.suppressed_ids, self.vocabulary.eos_id}
        return [
            i
            for i, token in enumerate(self.tokens)
            if token[0].isalnum() and token[0] != WORD_START and i not in special
        ]

    def decode(self, ids: Sequence[int] | Tensor) -> str:
        """Return the text of one caption's ids ([L]) up to the first `eos_id`, without special tokens."""
        numbers = ids.tolist() if isinstance(ids, Tensor) else ids
        before_end = takewhile(lambda i: i != self.vocabulary.eos_id, numbers)
        text = [i for i in before_end if i not in self.vocabulary.suppressed_ids]
        return self._tokenizer.decode(text, skip_special_tokens=True).strip()

    def decode_batch(self, ids_NL: Sequence[Sequence[int]] | Tensor) -> list[str]:
        """Return what `decode` returns for each row."""
        rows = ids_NL.tolist() if isinstance(ids_NL, Tensor) else ids_NL
        return [self.decode(row) for row in rows]

    def rates(self, captions_ids: Iterable[Sequence[int]]) -> "CaptionRates":
        """Return how much of captions has got lost, from the ids that `encode` has made of each."""
        num_captions = num_words = unknown = cut = 0
        for ids in captions_ids:
            whole = ids[-1] == self.vocabulary.eos_id
            num_captions += 1
            num_words += len(ids) - len(self.vocabulary.prefix) - whole
            unknown += 0 if self.vocabulary.unk_id is None else ids.count(self.vocabulary.unk_id)
            cut += not whole
        return CaptionRates(unknown / max(num_words, 1), cut / max(num_captions, 1))

    @cached_property
    def words(self) -> list[str]:
        """The word that each token stands for, by id; what pretrained word vectors are looked up by.

        A token that continues a word stands for none, "", also where it looks like one: `man` in `fire·man`.
        """
        if self.vocabulary.unk_id is not None:
            return [token.removeprefix(CONTINUES) for token in self.tokens]
        special = {*self.vocabulary.suppressed_ids, self.vocabulary.eos_id}
        continuing = {*self.continuing}
        return [
            token if i in special else "" if i in continuing else self._read(token)
            for i, token in enumerate(self.tokens)
        ]

    def _read(self, token: str) -> str:
        """Return a byte-level token as text, without the space before it; "" where it is no text."""
        text = self._tokenizer.decoder.decode([token]).strip()
        return "" if NO_TEXT in text else text

    @cached_property
    def tokens(self) -> list[str]:
        """Every token as the tokenizer spells it, by id."""
        ids = self._tokenizer.get_vocab(with_added_tokens=True)
        return sorted(ids, key=ids.__getitem__)

    def difference(self, other: "CaptionTokenizer") -> str | None:
        """Return in words why the ids of another tokenizer mean something else; None where all mean the same.

        How long captions may be is not compared.
        """
        if len(self.tokens) != len(other.tokens):
            return f"{len(self.tokens)} and {len(other.tokens)} tokens"
        for i, (own, others) in enumerate(zip(self.tokens, other.tokens, strict=True)):
            if own != others:
                return f"token {i} is {own!r} and {others!r}"
        same = self._tokenizer.to_str() == other._tokenizer.to_str()
        return None if same else "the same tokens, but other rules by which text is divided into them"

    def to_json(self) -> str:
        """Return the whole tokenizer as one string, for a checkpoint or a cache file."""
        return json.dumps({"max_length": self.max_length, "tokenizer": self._tokenizer.to_str()})

    @classmethod
    def from_json(cls, text: str) -> "CaptionTokenizer":
        """Rebuild a tokenizer from `to_json`.

        Raises:
            ValueError: The text was not written by `to_json`, or is damaged.
        """
        tokenizer, max_length = _parse(text)
        return cls(tokenizer, max_length=max_length)

    def __reduce__(self) -> tuple[Callable[[str], "CaptionTokenizer"], tuple[str]]:
        # The library's own pickling forgets encode_special_tokens.
        return CaptionTokenizer.from_json, (self.to_json(),)

    def _uncut_ids(self, texts: Sequence[str]) -> list[list[int]]:
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encodings]


TokenizerFitter = Callable[[Sequence[str]], CaptionTokenizer]
"""Makes a tokenizer from the training captions."""


def _vocabulary(tokenizer: Tokenizer) -> Vocabulary:
    ids: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
    missing = [token for token in (PAD, BOS, EOS) if token not in ids]
    if missing:
        raise ValueError(
            f"expected a tokenizer with the special tokens {PAD}, {BOS} and {EOS}, got one without {missing}; "
            f"make it with fit_word, fit_bpe or load_gpt2"
        )
    if max(ids.values()) != len(ids) - 1:
        raise ValueError(
            f"expected the tokenizer's {len(ids)} tokens to be numbered from 0 without gaps, "
            f"got the highest id {max(ids.values())}; renumber the tokens in its file"
        )
    added = tokenizer.get_added_tokens_decoder().items()
    others = tuple(i for i, token in added if token.special and token.content not in (PAD, BOS, EOS, UNK, CLS))
    return Vocabulary(len(ids), ids[PAD], ids[BOS], ids[EOS], ids.get(UNK), ids.get(CLS), others)


def _parse(text: str) -> tuple[Tokenizer, int]:
    problem = "expected a tokenizer as written by CaptionTokenizer.to_json, got"
    try:
        fields: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{problem} no valid JSON ({error}); fit the tokenizer again") from error
    if not isinstance(fields, dict) or fields.keys() != {"max_length", "tokenizer"}:
        raise ValueError(f"{problem} other JSON ({text[:60]!r}); fit the tokenizer again")
    try:
        return Tokenizer.from_str(fields["tokenizer"]), int(fields["max_length"])
    except Exception as error:  # the library raises bare Exception
        raise ValueError(f"{problem} a damaged tokenizer ({error}); fit the tokenizer again") from error
