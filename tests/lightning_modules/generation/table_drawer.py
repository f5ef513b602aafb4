"""A network small enough to follow by hand: the next code's logits are looked up by caption, place and last code."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

NUM_CODES, POSITIONS = 6, 4
NULL = 0  # the number of the empty caption's table


class Canvas(NamedTuple):
    """The state: for each image the number of its caption's table, and how many codes it has."""

    table_T: Tensor
    position: int = 0

    def select(self, rows: Tensor) -> "Canvas":
        return self._replace(table_T=self.table_T[rows])


class TableDrawer:
    """Logits [tables, positions, codes + 1, codes]; the last row is of the start, where no code was read."""

    num_positions = POSITIONS

    def __init__(self, logits_CPKK: Tensor) -> None:
        self.logits_CPKK = logits_CPKK
        self.read: list[list[int] | None] = []

    def step_drawing(self, codes_T: Tensor | None, state: Canvas) -> tuple[Tensor, Canvas]:
        self.read.append(None if codes_T is None else codes_T.tolist())
        last_T = torch.full_like(state.table_T, NUM_CODES) if codes_T is None else codes_T
        logits_TK = self.logits_CPKK[state.table_T, state.position, last_T]
        return logits_TK, state._replace(position=state.position + 1)

    def logits(self, table: int, codes: Sequence[int]) -> Tensor:
        """Return the logits of the code that follows some, in double precision."""
        return self.logits_CPKK[table, len(codes), codes[-1] if codes else NUM_CODES].double()

    def log_probability(self, table: int, codes: Sequence[int], given: int = 0) -> float:
        """Return log P of an image, code by code, of those that were not given."""
        steps = range(given, len(codes))
        return sum(self.logits(table, codes[:i]).log_softmax(dim=0)[codes[i]].item() for i in steps)


def random_drawer(num_captions: int = 3) -> TableDrawer:
    """Return a drawer of random logits, with a table for each caption after that of the empty one."""
    return TableDrawer(2 * torch.randn(1 + num_captions, POSITIONS, NUM_CODES + 1, NUM_CODES))


def canvas(tables: Sequence[int], *, guided: bool) -> Canvas:
    """Return the state before the first code of images of captions; if guided, with as many of the empty one."""
    return Canvas(torch.tensor([*tables, *([NULL] * len(tables) if guided else [])]))
