from collections import Counter
from typing import Any

import pytest

from lightning_modules.generation import Beam, DiverseBeam
from tests.lightning_modules.generation.brute_force import Caption, NaiveBeam
from tests.lightning_modules.generation.table_stepper import SPECIAL, random_stepper, start, unpadded

NUM_TABLES = 12
MAX_LENGTH = 6


def _naive(groups: list[NaiveBeam], diversity: float) -> list[list[Caption]]:
    """Return each group's captions, the groups taking turns at each step."""
    for _ in range(MAX_LENGTH):
        taken: Counter[int] = Counter()
        for group in groups:
            group.step(penalty=lambda token, taken=taken: diversity * taken[token])
            taken.update(caption.tokens[-1] for caption in group.live)
    return [group.results(group.beam_size) for group in groups]


@pytest.mark.parametrize("eos", [-2.0, 0.0, 2.0])
@pytest.mark.parametrize("diversity", [0.0, 0.5, 3.0])
@pytest.mark.parametrize(("num_groups", "beam_size", "num"), [(1, 3, 2), (3, 3, 3), (2, 6, 6), (3, 6, 4)])
def test_is_a_diverse_beam_search_over_lists(
    num_groups: int, beam_size: int, num: int, diversity: float, eos: float
) -> None:
    stepper = random_stepper(num_tables=NUM_TABLES, eos=eos, special=2.0)
    strategy = DiverseBeam(
        beam_size=beam_size, num=num, num_groups=num_groups, diversity=diversity, max_length=MAX_LENGTH
    )
    generated = strategy(stepper, *start(NUM_TABLES, of=NUM_TABLES), SPECIAL)
    captions = unpadded(generated.tokens_NL)
    for table in range(NUM_TABLES):
        groups = [NaiveBeam(stepper, table, beam_size // num_groups, 0.6) for _ in range(num_groups)]
        by_group = _naive(groups, diversity)
        by_rank = [
            sorted(captions_of_rank, key=lambda caption: (caption.tokens[-1] == 2, caption.score), reverse=True)
            for captions_of_rank in zip(*by_group, strict=True)
        ]
        expected = [caption for captions_of_rank in by_rank for caption in captions_of_rank][:num]
        assert captions[table * num : (table + 1) * num] == [list(caption.tokens) for caption in expected]
        scores = generated.score_N[table * num : (table + 1) * num].tolist()
        assert scores == pytest.approx([caption.score for caption in expected], abs=1e-4)


def test_one_group_is_a_beam_search() -> None:
    stepper = random_stepper(num_tables=NUM_TABLES)
    settings = stepper, *start(NUM_TABLES, of=NUM_TABLES), SPECIAL
    diverse, beam = DiverseBeam(num_groups=1, num=5)(*settings), Beam(num=5)(*settings)
    assert unpadded(diverse.tokens_NL) == unpadded(beam.tokens_NL)
    assert diverse.score_N.tolist() == beam.score_N.tolist()


def test_groups_avoid_each_others_words() -> None:
    stepper = random_stepper(num_tables=NUM_TABLES, eos=-3.0)
    distinct = []
    for diversity in (0.0, 1.0, 100.0):
        generated = DiverseBeam(diversity=diversity, max_length=5)(stepper, *start(NUM_TABLES, of=NUM_TABLES), SPECIAL)
        firsts = generated.tokens_NL[:, 0].view(NUM_TABLES, 5).tolist()
        distinct.append(sum(len({*words}) for words in firsts) / NUM_TABLES)
    assert distinct[0] == 1
    assert 1 < distinct[1] < 5
    assert distinct[2] == 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_groups": 2}, "generation.num_groups must be a divisor of beam_size=5, got 2"),
        ({"num_groups": 0}, "generation.num_groups must be a divisor of beam_size=5, got 0"),
        ({"diversity": -1.0}, "generation.diversity must be 0 or more, got -1.0"),
        ({"num": 6}, "generation.num must be from 1 to beam_size=5, got 6"),
    ],
)
def test_refuses_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DiverseBeam(**settings)
