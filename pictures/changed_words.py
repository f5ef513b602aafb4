"""Which words of a caption another caption of the same image does not have."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple


class MarkedWord(NamedTuple):
    """A word, and whether to mark it as changed."""

    text: str
    changed: bool


def marked_words(caption: str, base: str) -> list[MarkedWord]:
    """Return the words of a caption; changed are those outside of the blocks, in order, that it shares with `base`.

    Words are what stands between spaces. Where words of `base` are left out and none takes their place, nothing is
    marked.
    """
    words = caption.split()
    changed = [True] * len(words)
    for start, _, length in _shared(base.split(), words):
        changed[start : start + length] = [False] * length
    return [MarkedWord(*word) for word in zip(words, changed, strict=True)]


def _shared(base: Sequence[str], words: Sequence[str]) -> list[tuple[int, int, int]]:
    matcher = SequenceMatcher(None, words, base, autojunk=False)
    return [(match.a, match.b, match.size) for match in matcher.get_matching_blocks()]
