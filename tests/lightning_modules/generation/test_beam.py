from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_modules.generation import Beam, Generated, Greedy
from tests.lightning_modules.generation.brute_force import (
    Caption,
    NaiveBeam,
    every_finished_caption,
    naive_beam,
)
from tests.lightning_modules.generation.table_stepper import (
    EOS,
    FIRST_WORD,
    SPECIAL,
    Tables,
    TableStepper,
    random_stepper,
    start,
    unpadded,
)

NUM_TABLES = 12


def _captions(generated: Generated, each: int) -> list[list[Caption]]:
    rows = zip(
        generated.score_N.tolist(), unpadded(generated.tokens_NL), generated.log_probability_N.tolist(), strict=True
    )
    captions = [Caption(score, tuple(tokens), nats) for score, tokens, nats in rows]
    return [captions[i : i + each] for i in range(0, len(captions), each)]


def _assert_same(found: list[Caption], expected: list[Caption]) -> None:
    assert [caption.tokens for caption in found] == [caption.tokens for caption in expected]
    for caption, other in zip(found, expected, strict=True):
        assert (caption.score, caption.log_probability) == pytest.approx((other.score, other.log_probability), abs=1e-4)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
@pytest.mark.parametrize("eos", [-1.0, 1.0])
def test_a_full_width_is_exhaustive_search(alpha: float, eos: float) -> None:
    stepper = random_stepper(num_tables=3, eos=eos, special=2.0)
    full = 7**3
    generated = Beam(beam_size=full, num=20, length_penalty=alpha, max_length=4)(stepper, *start(3, of=3), SPECIAL)
    assert generated.finished_N.all()
    for table, found in enumerate(_captions(generated, 20)):
        _assert_same(found, every_finished_caption(stepper, table, 4, alpha)[:20])


@pytest.mark.parametrize("eos", [-2.0, 0.0, 2.0])
@pytest.mark.parametrize(
    "settings",
    [
        {"beam_size": 1},
        {"beam_size": 2, "num": 2},
        {"beam_size": 5, "num": 2, "length_penalty": 0.0},
        {"beam_size": 5, "num": 3, "length_penalty": 1.5},
        {"beam_size": 4, "num": 4, "min_length": 4},
        {"beam_size": 4, "num": 2, "no_repeat_ngram": 1},
        {"beam_size": 4, "num": 2, "no_repeat_ngram": 2, "min_length": 3},
        {"beam_size": 4, "num": 1, "no_repeat_ngram": 3, "min_length": 7},
    ],
)
def test_is_a_beam_search_over_lists(settings: dict[str, Any], eos: float) -> None:
    """Which never stops early: so this also shows that stopping early loses nothing."""
    stepper = random_stepper(num_tables=NUM_TABLES, eos=eos, special=2.0)
    generated = Beam(max_length=7, **settings)(stepper, *start(NUM_TABLES, of=NUM_TABLES), SPECIAL)
    num = settings.get("num", 1)
    for table, found in enumerate(_captions(generated, num)):
        naive = NaiveBeam(
            stepper,
            table,
            settings["beam_size"],
            settings.get("length_penalty", 0.6),
            settings.get("min_length", 1),
            settings.get("no_repeat_ngram"),
        )
        _assert_same(found, naive_beam(num, 7, naive))


def test_a_beam_of_one_is_greedy() -> None:
    stepper = random_stepper(num_tables=30, eos=1.0)
    beam, greedy = (
        way(stepper, *start(30, of=30), SPECIAL) for way in (Beam(beam_size=1, length_penalty=0.0), Greedy())
    )
    assert unpadded(beam.tokens_NL) == unpadded(greedy.tokens_NL)


class Counting(TableStepper):
    def __init__(self, logits_TVV: Tensor) -> None:
        super().__init__(logits_TVV)
        self.rows: list[int] = []

    def step(self, tokens_N: Tensor, state: Tables) -> tuple[Tensor, Tables]:
        self.rows.append(len(tokens_N))
        return super().step(tokens_N, state)


def test_stops_as_soon_as_nothing_can_become_better() -> None:
    stepper = Counting(random_stepper(eos=5.0).logits_TVV)
    Beam(beam_size=3, max_length=40)(stepper, *start(5), SPECIAL)
    assert len(stepper.rows) < 8
    assert stepper.rows[:2] == [5, 15]  # an image's first step is taken once for all of its beams


def test_goes_on_while_a_longer_caption_can_still_win() -> None:
    """The end comes early and fairly likely; a long caption is certain once begun, and better by its mean."""
    logits_VV = torch.full((1, SPECIAL.size, SPECIAL.size), -20.0)
    logits_VV[..., FIRST_WORD], logits_VV[..., EOS] = 3.0, 2.0
    logits_VV[:, FIRST_WORD, FIRST_WORD + 1] = 2.5
    for word in range(FIRST_WORD + 1, SPECIAL.size - 1):
        logits_VV[:, word] = -20.0
        logits_VV[:, word, word + 1] = 20.0
    logits_VV[:, SPECIAL.size - 1, EOS] = 40.0
    generated = Beam(beam_size=3, length_penalty=1.0, max_length=20)(TableStepper(logits_VV), *start(1), SPECIAL)
    assert unpadded(generated.tokens_NL) == [[*range(FIRST_WORD, SPECIAL.size), EOS]]


def test_unfinished_captions_fill_up_behind_finished_ones() -> None:
    logits_TVV = torch.full((1, SPECIAL.size, SPECIAL.size), -5.0)
    logits_TVV[..., FIRST_WORD:] = torch.linspace(0, 1, 7)
    logits_TVV[:, FIRST_WORD, EOS] = -1.0  # the least likely word alone can end a caption
    logits_TVV[:, FIRST_WORD + 1 :, EOS] = -torch.inf
    generated = Beam(beam_size=50, num=9, max_length=2)(TableStepper(logits_TVV), *start(1), SPECIAL)
    assert generated.finished_N.tolist() == [True] + [False] * 8
    assert unpadded(generated.tokens_NL)[0] == [FIRST_WORD, EOS]
    assert generated.score_N[1] > generated.score_N[0]
    assert generated.score_N[1:].tolist() == sorted(generated.score_N[1:].tolist(), reverse=True)


def test_where_there_are_too_few_captions_the_best_is_generated_again() -> None:
    stepper = random_stepper()
    generated = Beam(beam_size=10, num=10, max_length=1)(stepper, *start(5), SPECIAL)
    for captions in _captions(generated, 10):
        assert len({caption.tokens for caption in captions[:7]}) == 7
        assert captions[7:] == [captions[0]] * 3


def test_without_repeats_no_ngram_is_generated_twice() -> None:
    stepper = random_stepper(num_tables=30, eos=-2.0)
    for n in (1, 2, 3):
        generated = Beam(no_repeat_ngram=n, max_length=7 if n == 1 else 30)(stepper, *start(30, of=30), SPECIAL)
        for tokens in unpadded(generated.tokens_NL):
            ngrams = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
            assert len(ngrams) == len({*ngrams})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beam_size": 0}, "generation.beam_size must be at least 1, got 0"),
        ({"num": 6}, "generation.num must be from 1 to beam_size=5, got 6"),
        ({"num": 0}, "generation.num must be from 1 to beam_size=5, got 0"),
        ({"length_penalty": -0.1}, "generation.length_penalty must be 0 or more, got -0.1"),
        ({"min_length": 0}, "generation.min_length must be from 1 to max_length=40, got 0"),
        ({"min_length": 9, "max_length": 8}, "generation.min_length must be from 1 to max_length=8, got 9"),
        ({"no_repeat_ngram": 0}, "generation.no_repeat_ngram must be at least 1, got 0"),
    ],
)
def test_refuses_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Beam(**settings)
