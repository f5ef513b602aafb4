"""Which tokens of a caption make up each of its words."""

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from datamodules.tokenizers.caption_tokenizer import NO_TEXT, CaptionTokenizer


class WordSpan(NamedTuple):
    """A word of a caption, or its end.

    Attributes:
        text: The word; empty for the end of the caption.
        spaced: Whether there is a space before it.
        start: Its first token.
        stop: The token after its last one.
    """

    text: str
    spaced: bool
    start: int
    stop: int


def word_spans(tokenizer: CaptionTokenizer, ids: Sequence[int]) -> list[WordSpan]:
    """Return the words of a caption's tokens (those after the prefix, padded), its end last if it has come to one.

    Pieces of a word are joined, and so are bytes that only together are a letter. What is no text is told as the
    tokenizer spells it, such as `<unk>`.
    """
    special, continuing = tokenizer.vocabulary, {*tokenizer.continuing}
    num = len([*takewhile(lambda i: i not in (special.eos_id, special.pad_id), ids)])
    stops = [i for i in range(1, num) if ids[i] not in continuing] + [num] * (num > 0)
    spans: list[WordSpan] = []
    start, before = 0, ""
    for stop in stops:
        after = tokenizer.decode(ids[:stop])
        piece = after[len(before) :] or _spelled(tokenizer, ids[start])
        if stop < num and (not piece or after.endswith(NO_TEXT)):
            continue
        spaced = start > 0 and piece.startswith(" ")
        if piece or not spans:
            spans.append(WordSpan(piece[spaced:] or tokenizer.tokens[ids[start]], spaced, start, stop))
        else:  # spaces at the end
            spans[-1] = spans[-1]._replace(stop=stop)
        start, before = stop, after
    if num < len(ids) and ids[num] == special.eos_id:
        spans.append(WordSpan("", True, num, num + 1))
    return spans


def _spelled(tokenizer: CaptionTokenizer, token: int) -> str:
    """Return a special token, which decoding leaves out, after a space; "" for others, such as a space."""
    return f" {tokenizer.tokens[token]}" if token in tokenizer.vocabulary.suppressed_ids else ""
