"""Figures of a data set: how many images and captions, how long, and what the tokenizer makes of them.

Shape legend: C captions of a split, N images, K keys of each.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datamodules.image_files.keys import ImageKeys
from datamodules.split import CaptionSplit, SplitName
from datamodules.token_table import TokenTable
from datamodules.tokenizers import CaptionTokenizer
from utils.display import listed

CHUNK = 2**20  # token ids that are counted at once


class Spread(NamedTuple):
    """The least, the middle and the largest of some numbers; zeros where there are none."""

    least: int
    median: float
    most: int

    @classmethod
    def of(cls, numbers_N: NDArray[np.int64]) -> "Spread":
        """Return that of numbers."""
        if not len(numbers_N):
            return cls(0, 0, 0)
        return cls(int(numbers_N.min()), float(np.median(numbers_N)), int(numbers_N.max()))

    def __str__(self) -> str:
        return f"{self.least} / {self.median:g} / {self.most}"


class SplitFigures(NamedTuple):
    """Figures of a split.

    Attributes:
        images: Their number.
        captions: Their number.
        captions_of_image: How many captions an image has.
        lengths: Of captions in tokens, without those that begin and end each.
        different_tokens: How many of the vocabulary's tokens occur.
        unknown: Share of the words that the vocabulary lacks.
        cut: Share of the captions that lose their end.
        copies: Images that an image before has a key in common with, here or in a split before.
    """

    images: int
    captions: int
    captions_of_image: Spread
    lengths: Spread
    different_tokens: int
    unknown: float
    cut: float
    copies: int


def figures_of(
    splits: Mapping[SplitName, CaptionSplit],
    tokens: Mapping[SplitName, TokenTable],
    tokenizer: CaptionTokenizer,
) -> dict[SplitName, SplitFigures]:
    """Return the figures of each split.

    Args:
        splits: The images and captions.
        tokens: The ids of each caption of each image, as the tokenizer encodes them.
        tokenizer: The tokenizer.
    """
    figures: dict[SplitName, SplitFigures] = {}
    known = np.empty(0, np.int64)
    for name, split in splits.items():
        figures[name] = _figures(tokens[name], tokenizer, copies=_copies(split.image_keys, known))
        known = np.union1d(known, split.image_keys)
    return figures


def _copies(keys_NK: ImageKeys, known: NDArray[np.int64]) -> int:
    """Return how many images have a key that is known, or that an image before has."""
    _, first = np.unique(keys_NK, return_index=True)
    is_new = np.zeros(keys_NK.size, np.bool_)
    is_new[first] = True
    is_new &= ~np.isin(keys_NK.ravel(), known)
    return len(keys_NK) - int(is_new.reshape(keys_NK.shape).all(axis=1).sum())


def _figures(tokens: TokenTable, tokenizer: CaptionTokenizer, *, copies: int) -> SplitFigures:
    vocabulary = tokenizer.vocabulary
    ends_C = tokens.ids_I[tokens.caption_ends_C - 1] == vocabulary.eos_id
    lengths_C = np.diff(tokens.caption_ends_C, prepend=0) - len(vocabulary.prefix) - ends_C
    counts_V = np.zeros(vocabulary.size, np.int64)
    for start in range(0, len(tokens.ids_I), CHUNK):
        counts_V += np.bincount(tokens.ids_I[start : start + CHUNK], minlength=vocabulary.size)
    unknown = 0 if vocabulary.unk_id is None else int(counts_V[vocabulary.unk_id])
    counts_V[[*vocabulary.suppressed_ids, vocabulary.eos_id]] = 0
    return SplitFigures(
        images=len(tokens),
        captions=len(lengths_C),
        captions_of_image=Spread.of(np.diff(tokens.image_ends_N, prepend=0)),
        lengths=Spread.of(lengths_C),
        different_tokens=int(np.count_nonzero(counts_V)),
        unknown=unknown / max(int(lengths_C.sum()), 1),
        cut=1 - float(ends_C.mean()) if len(ends_C) else 0.0,
        copies=copies,
    )


def rows_of(figures: Mapping[SplitName, SplitFigures], tokenizer: CaptionTokenizer) -> list[list[str]]:
    """Return the rows of a table, of which the first is its head: a figure's name, and its value for each split."""
    every = figures.values()
    return [
        ["", *figures],
        ["images", *(f"{of.images:,}" for of in every)],
        ["captions", *(f"{of.captions:,}" for of in every)],
        ["captions an image, min / median / max", *(str(of.captions_of_image) for of in every)],
        ["tokens a caption, min / median / max", *(str(of.lengths) for of in every)],
        [f"different tokens, of {tokenizer.vocabulary.size:,}", *(f"{of.different_tokens:,}" for of in every)],
        ["unknown words", *(f"{of.unknown:.2%}" for of in every)],
        [f"captions cut to {tokenizer.max_length} tokens", *(f"{of.cut:.2%}" for of in every)],
        ["copies of images before", *(f"{of.copies:,}" for of in every)],
    ]


def unusable_lines(unusable: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a line for each reason why something was left out, with its number and the first names."""
    return [
        f"left out: {len(names):,} {reason} ({listed(names[:3], len(names))})" for reason, names in unusable.items()
    ]


def as_text(rows: Sequence[Sequence[str]], lines: Sequence[str] = ()) -> str:
    """Return a table as text, and lines below it."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = [
        "  ".join(
            [name.ljust(widths[0]), *(value.rjust(width) for value, width in zip(values, widths[1:], strict=True))]
        )
        for name, *values in rows
    ]
    return "\n".join([*(line.rstrip() for line in table), *lines])
