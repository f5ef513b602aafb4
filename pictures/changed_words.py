"""Which words of a caption another caption of the same image does not have."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple


class MarkedWord(NamedTuple):
    """A word, and whether to mark it as changed."""

    text: str
    changed: bool


def changed_words(before: Sequence[str], after: Sequence[str]) -> set[int]:
    """Return which words of `after`, from 0, lie outside of the blocks, in order, that it shares with `before`."""
    opcodes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return {place for tag, _, _, start, stop in opcodes if tag != "equal" for place in range(start, stop)}


def marked_words(caption: str, base: str) -> list[MarkedWord]:
    """Return the words of a caption, and which of them `base` lacks (see `changed_words`).

    Words are what stands between spaces. Where words of `base` are left out and none takes their place, nothing is
    marked.
    """
    words = caption.split()
    changed = changed_words(base.split(), words)
    return [MarkedWord(word, place in changed) for place, word in enumerate(words)]
