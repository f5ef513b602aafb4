"""A decoder small enough to follow by hand: the next word's distribution is looked up by caption and last word."""

import torch
from torch import Tensor

from datamodules.tokenizers import Vocabulary

PAD, BOS, EOS, UNK, CLS, FIRST_WORD = range(6)
SPECIAL = Vocabulary(size=12, pad_id=PAD, bos_id=BOS, eos_id=EOS, unk_id=UNK, cls_id=CLS)


class TableStepper:
    """Its state is, for each caption, the number of its table."""

    def __init__(self, logits_TVV: Tensor) -> None:
        self.logits_TVV = logits_TVV

    def step(self, tokens_N: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.logits_TVV[state, tokens_N], state


def random_stepper(num_tables: int = 5, *, eos: float = 0.0, special: float = 0.0) -> TableStepper:
    """A stepper with random logits, plus `eos` for the end of captions and `special` for the other special tokens."""
    logits_TVV = torch.randn(num_tables, SPECIAL.size, SPECIAL.size)
    logits_TVV[..., EOS] += eos
    logits_TVV[..., [PAD, BOS, UNK, CLS]] += special
    return TableStepper(logits_TVV)


class ViewStepper:
    """Every caption's logits are one tensor, which would show if anyone wrote into it."""

    def __init__(self, logits_NV: Tensor) -> None:
        self.logits_NV = logits_NV

    def step(self, tokens_N: Tensor, state: None) -> tuple[Tensor, None]:
        return self.logits_NV, None
