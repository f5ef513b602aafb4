"""Captions in a table of TensorBoard's text tab, which shows Markdown and HTML."""

import html
import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from metrics.words import on_one_line
from pictures.changed_words import MarkedWord

MARKUP = re.compile(r"([\\`*_\[\]|])")


def as_it_is(text: str) -> str:
    """Return a text that Markdown and HTML show as it is, on one line."""
    return MARKUP.sub(r"\\\1", html.escape(on_one_line(text), quote=False))


def with_changed_bold(words: Iterable[MarkedWord]) -> str:
    """Return words with spaces between, the changed ones bold."""
    parts = []
    for changed, group in groupby(words, key=lambda word: word.changed):
        text = as_it_is(" ".join(word.text for word in group))
        parts.append(f"**{text}**" if changed else text)
    return " ".join(parts)


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" if cells is not lines[1] else f"|{'|'.join(cells)}|" for cells in lines)
