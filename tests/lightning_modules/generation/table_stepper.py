"""A decoder small enough to follow by hand: the next word's distribution is looked up by caption and last word."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from datamodules.tokenizers import Vocabulary

PAD, BOS, EOS, UNK, CLS, FIRST_WORD = range(6)
SPECIAL = Vocabulary(size=12, pad_id=PAD, bos_id=BOS, eos_id=EOS, unk_id=UNK, cls_id=CLS)


class Tables(NamedTuple):
    """The state: for each caption the number of its table, and how many words were read."""

    table_N: Tensor
    num_read: int = 0

    def select(self, rows: Tensor) -> "Tables":
        return self._replace(table_N=self.table_N[rows])


class TableStepper:
    """Grows surer with each word: without that, captions of the same pairs of words would be equally likely."""

    def __init__(self, logits_TVV: Tensor) -> None:
        self.logits_TVV = logits_TVV

    def step(self, tokens_N: Tensor, state: Tables) -> tuple[Tensor, Tables]:
        logits_NV = (1 + 0.1 * state.num_read) * self.logits_TVV[state.table_N, tokens_N]
        return logits_NV, state._replace(num_read=state.num_read + 1)

    def next_log_probability(self, table: int, generated: Sequence[int]) -> list[float]:
        """Return log P of each next word in double precision."""
        logits_V = self.logits_TVV[table, generated[-1] if generated else BOS].double()
        return ((1 + 0.1 * len(generated)) * logits_V).log_softmax(dim=-1).tolist()

    def log_probability(self, table: int, tokens: Sequence[int]) -> float:
        """Return log P of a caption, word by word."""
        return sum(self.next_log_probability(table, tokens[:i])[token] for i, token in enumerate(tokens))


def start(num: int, *, of: int = 5) -> tuple[Tables, Tensor]:
    """The state of captions that take turns with tables, and the last token of each one's prefix."""
    return Tables(torch.arange(num) % of), torch.full((num,), BOS)


def random_stepper(num_tables: int = 5, *, eos: float = 0.0, special: float = 0.0) -> TableStepper:
    """A stepper with random logits, plus `eos` for the end of captions and `special` for the other special tokens."""
    logits_TVV = torch.randn(num_tables, SPECIAL.size, SPECIAL.size)
    logits_TVV[..., EOS] += eos
    logits_TVV[..., [PAD, BOS, UNK, CLS]] += special
    return TableStepper(logits_TVV)


def unpadded(tokens_NL: Tensor) -> list[list[int]]:
    """The captions without what stands after their end."""
    return [[token for token in tokens if token != PAD] for tokens in tokens_NL.tolist()]


class ViewStepper:
    """Every caption's logits are one tensor, which would show if anyone wrote into it; the state is their number."""

    def __init__(self, logits_NV: Tensor) -> None:
        self.logits_NV = logits_NV

    def step(self, tokens_N: Tensor, state: Tables) -> tuple[Tensor, Tables]:
        return self.logits_NV[: len(tokens_N)], state
