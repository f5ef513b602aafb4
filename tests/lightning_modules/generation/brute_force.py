"""Searches written from their definitions, over lists, one image at a time; and all captions that there are."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from tests.lightning_modules.generation.table_stepper import EOS, FIRST_WORD, SPECIAL, TableStepper

WORDS = range(FIRST_WORD, SPECIAL.size)


class Caption(NamedTuple):
    score: float
    tokens: tuple[int, ...]
    log_probability: float


def length_divisor(length: int, alpha: float) -> float:
    return ((5 + length) / 6) ** alpha


def every_finished_caption(stepper: TableStepper, table: int, max_length: int, alpha: float) -> list[Caption]:
    """Return all captions of at most `max_length` tokens, the best first."""
    captions = []
    for num_words in range(1, max_length):
        for words in product(WORDS, repeat=num_words):
            nats = stepper.log_probability(table, [*words, EOS])
            captions.append(Caption(nats / length_divisor(num_words + 1, alpha), (*words, EOS), nats))
    return sorted(captions, reverse=True)


def repeats(tokens: tuple[int, ...], n: int | None) -> bool:
    """Return whether the last n tokens have been said before."""
    return n is not None and tokens[-n:] in {tokens[i : i + n] for i in range(len(tokens) - n)}


@dataclass
class NaiveBeam:
    """One image's (or group's) beam search, step by step, that never stops before `max_length`."""

    stepper: TableStepper
    table: int
    beam_size: int
    alpha: float
    min_length: int = 1
    ngram: int | None = None
    live: list[Caption] = field(default_factory=lambda: [Caption(0.0, (), 0.0)])
    finished: list[Caption] = field(default_factory=list)

    def candidates(self) -> Iterator[Caption]:
        for _, before, nats in self.live:
            log_p_V = self.stepper.next_log_probability(self.table, before)
            for token in (EOS, *WORDS):
                tokens = (*before, token)
                if (token == EOS and len(before) < self.min_length) or repeats(tokens, self.ngram):
                    continue
                total = nats + log_p_V[token]
                yield Caption(total / length_divisor(len(tokens), self.alpha), tokens, total)

    def step(self, penalty: Callable[[int], float] = lambda token: 0.0) -> None:
        best = sorted(self.candidates(), key=lambda c: c.log_probability - penalty(c.tokens[-1]), reverse=True)
        self.finished += [c for c in best[: self.beam_size] if c.tokens[-1] == EOS]
        self.live = [c for c in best[: 2 * self.beam_size] if c.tokens[-1] != EOS][: self.beam_size]

    def results(self, num: int) -> list[Caption]:
        return [*sorted(self.finished, reverse=True), *sorted(self.live, reverse=True)][:num]


def naive_beam(num: int, max_length: int, beam: NaiveBeam) -> list[Caption]:
    for _ in range(max_length):
        beam.step()
    return beam.results(num)
