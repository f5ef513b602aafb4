import math
from collections.abc import Sequence

import pytest
import torch

from lightning_modules.generation import Beam, EnsembleState, EnsembleStepper, Greedy
from tests.lightning_modules.generation.brute_force import every_finished_caption
from tests.lightning_modules.generation.table_stepper import EOS, SPECIAL, TableStepper, random_stepper, start, unpadded

NUM_IMAGES = 5
MAX_LENGTH = 4


class MeanTable(TableStepper):
    """The mean of members' probabilities, word by word, in double precision."""

    def __init__(self, members: Sequence[TableStepper]) -> None:
        self.members = members

    def next_log_probability(self, table: int, generated: Sequence[int]) -> list[float]:
        rows = zip(*(member.next_log_probability(table, generated) for member in self.members), strict=True)
        return [math.log(sum(map(math.exp, row)) / len(row)) for row in rows]


@pytest.fixture
def members() -> list[TableStepper]:
    return [random_stepper(eos=1.0), random_stepper(special=2.0), random_stepper()]


def test_a_wide_beam_finds_the_best_captions_of_the_mean(members: list[TableStepper]) -> None:
    tables, first_N = start(NUM_IMAGES)
    beam = Beam(beam_size=400, num=3, length_penalty=0.6, max_length=MAX_LENGTH)
    generated = beam(EnsembleStepper(members), EnsembleState((tables,) * 3), first_N, SPECIAL)
    mean = MeanTable(members)
    best = [every_finished_caption(mean, table, MAX_LENGTH, 0.6)[:3] for table in range(NUM_IMAGES)]
    assert unpadded(generated.tokens_NL) == [[*caption.tokens] for of_image in best for caption in of_image]
    expected_N = torch.tensor([caption.log_probability for of_image in best for caption in of_image])
    torch.testing.assert_close(generated.log_probability_N, expected_N)


def test_the_greedy_word_is_the_likeliest_by_the_mean(members: list[TableStepper]) -> None:
    tables, first_N = start(NUM_IMAGES)
    generated = Greedy(max_length=9)(EnsembleStepper(members), EnsembleState((tables,) * 3), first_N, SPECIAL)
    for table, tokens in enumerate(unpadded(generated.tokens_NL)):
        for i, token in enumerate(tokens):
            log_p_V = MeanTable(members).next_log_probability(table, tokens[:i])
            allowed = [*range(SPECIAL.cls_id + 1, SPECIAL.size), *([EOS] if i else [])]
            assert token == max(allowed, key=log_p_V.__getitem__)
