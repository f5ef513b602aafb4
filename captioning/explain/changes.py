"""Which words of a caption are not those of another."""

from collections.abc import Sequence
from difflib import SequenceMatcher


def changed_words(before: Sequence[str], after: Sequence[str]) -> set[int]:
    """Return which words of `after`, from 0, the longest common subsequences with `before` do not cover."""
    opcodes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return {place for tag, _, _, start, stop in opcodes if tag != "equal" for place in range(start, stop)}
