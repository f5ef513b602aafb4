"""How a model comes to each word of captions.

Shape legend: N captions, L tokens, P positions of the encoder's grid, H rows and W columns of that grid.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from datamodules.tokenizers import CaptionTokenizer, word_spans
from lightning_modules.networks import WordPredictions


class Explanation(NamedTuple):
    """How a model comes to each token of captions.

    Attributes:
        predictions: What was predicted at each token.
        attention_NLP: How the image's places were weighed before each token: the sum of each row is 1, or 0 at padding.
            None where the model has no attention, or where it was not asked for.
        grid: Rows and columns of these places; None where they are no places of a grid.
    """

    predictions: WordPredictions
    attention_NLP: Tensor | None = None
    grid: tuple[int, int] | None = None


class ExplainedWord(NamedTuple):
    """A word of a caption, or its end, and how the model comes to it.

    Attributes:
        text: The word; empty for the end of the caption.
        spaced: Whether there is a space before it.
        log_probability: log P of the word, given those before it, in nats.
        attention_HW: How the image's places were weighed, row by row, sum 1: the mean over the word's tokens. None
            where the model has no attention, or its places form no grid.
    """

    text: str
    spaced: bool
    log_probability: float
    attention_HW: Tensor | None

    @property
    def probability(self) -> float:
        """P of the word, given those before it."""
        return math.exp(self.log_probability)


def explained_words(
    tokenizer: CaptionTokenizer, tokens_NL: Tensor, explanation: Explanation
) -> list[list[ExplainedWord]]:
    """Return the words of each caption, tokens joined to words, on the CPU; what is not finished has no end."""
    nats_NL = explanation.predictions.log_probability_NL.cpu()
    attention_NLP = None if explanation.grid is None else explanation.attention_NLP
    attention_NLP = None if attention_NLP is None else attention_NLP.cpu()
    return [
        [*_words(tokenizer, ids, nats_NL[n], None if attention_NLP is None else attention_NLP[n], explanation.grid)]
        for n, ids in enumerate(tokens_NL.tolist())
    ]


def _words(
    tokenizer: CaptionTokenizer,
    ids: Sequence[int],
    nats_L: Tensor,
    attention_LP: Tensor | None,
    grid: tuple[int, int] | None,
) -> Iterator[ExplainedWord]:
    for span in word_spans(tokenizer, ids):
        tokens = slice(span.start, span.stop)
        attention_HW = None
        if attention_LP is not None and grid is not None:
            attention_HW = torch.unflatten(attention_LP[tokens].mean(dim=0), 0, grid)
        yield ExplainedWord(span.text, span.spaced, float(nats_L[tokens].sum()), attention_HW)
