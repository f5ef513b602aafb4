import random

import pytest
import torch

from lightning_modules.generation import Beam, ConstrainedBeam, Generated, Request
from lightning_modules.generation.constrained_beam import deal
from tests.lightning_modules.generation.brute_force import WORDS, every_finished_caption
from tests.lightning_modules.generation.table_stepper import (
    EOS,
    FIRST_WORD,
    SPECIAL,
    TableStepper,
    random_stepper,
    start,
    unpadded,
)

NUM_TABLES = 12


def _contains(tokens: list[int] | tuple[int, ...], phrase: list[int]) -> bool:
    return any([*tokens[i : i + len(phrase)]] == phrase for i in range(len(tokens)))


def _some_phrases(seed: int) -> list[list[list[int]]]:
    """For each table up to three phrases of up to three words, six tokens together."""
    choose = random.Random(seed)
    phrases = [[choose.choices(WORDS, k=choose.randint(1, 3)) for _ in range(choose.randint(0, 3))] for _ in range(30)]
    return [constraints for constraints in phrases if sum(map(len, constraints)) <= 6][:NUM_TABLES]


def _generate(strategy: ConstrainedBeam, stepper: TableStepper) -> Generated:
    return strategy(stepper, *start(NUM_TABLES, of=NUM_TABLES), SPECIAL)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("eos", [-2.0, 0.0, 2.0])
@pytest.mark.parametrize("beam_size", [1, 2, 5, 20])
def test_every_caption_contains_its_images_words(beam_size: int, eos: float, seed: int) -> None:
    constraints = _some_phrases(seed)
    stepper = random_stepper(num_tables=NUM_TABLES, eos=eos, special=2.0)
    for max_length in (7, 12):
        num = min(beam_size, 2)
        strategy = ConstrainedBeam(beam_size=beam_size, num=num, max_length=max_length).bind(
            Request(constraints=constraints)
        )
        generated = _generate(strategy, stepper)
        for row, tokens in enumerate(unpadded(generated.tokens_NL)):
            assert all(_contains(tokens, phrase) for phrase in constraints[row // num])


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
def test_a_full_width_is_exhaustive_search_of_the_captions_with_the_words(alpha: float) -> None:
    constraints = [
        [],
        [[5]],
        [[6, 7]],
        [[5], [8]],
        [[9, 9]],
        [[5, 6], [6]],
        [[5], [5, 6]],
        [[11], [11]],
        [[5], [6], [7]],
    ]
    stepper = random_stepper(num_tables=len(constraints), special=2.0)
    strategy = ConstrainedBeam(beam_size=8 * 7**3, num=8, length_penalty=alpha, max_length=4).bind(
        Request(constraints=constraints)
    )
    generated = strategy(stepper, *start(len(constraints), of=len(constraints)), SPECIAL)
    for table, phrases in enumerate(constraints):
        every = every_finished_caption(stepper, table, 4, alpha)
        expected = [caption for caption in every if all(_contains(caption.tokens, phrase) for phrase in phrases)][:8]
        rows = slice(table * 8, table * 8 + len(expected))
        assert unpadded(generated.tokens_NL)[rows] == [list(caption.tokens) for caption in expected]
        assert generated.score_N[rows].tolist() == pytest.approx([caption.score for caption in expected], abs=1e-4)


def test_without_words_it_is_a_beam_search() -> None:
    stepper = random_stepper(num_tables=NUM_TABLES)
    generated = _generate(ConstrainedBeam(num=3).bind(Request(constraints=[[]] * NUM_TABLES)), stepper)
    beam = Beam(beam_size=10, num=3)(stepper, *start(NUM_TABLES, of=NUM_TABLES), SPECIAL)
    assert unpadded(generated.tokens_NL) == unpadded(beam.tokens_NL)


def test_words_that_the_model_would_generate_anyway_change_little() -> None:
    """Half of the beam goes to captions that lack the word: the rest finds what the whole of half the size finds."""
    stepper = random_stepper(num_tables=NUM_TABLES, eos=-1.0)
    free = Beam(beam_size=5)(stepper, *start(NUM_TABLES, of=NUM_TABLES), SPECIAL)
    constraints = [[[tokens[0]]] for tokens in unpadded(free.tokens_NL)]
    generated = _generate(ConstrainedBeam(beam_size=10).bind(Request(constraints=constraints)), stepper)
    assert (generated.score_N >= free.score_N - 1e-4).float().mean() > 0.8


def test_the_beam_is_shared_out_from_the_most_words_to_none() -> None:
    total_SKV = torch.tensor([[[0.0, -1, -2, -3], [-4, -5, -6, -torch.inf]]])
    bank_SKV = torch.tensor([[[0, 0, 0, 1], [0, 2, 2, 1]]])
    dealt = deal(total_SKV, bank_SKV, num_banks=4, num=6)
    assert dealt.log_probability_SC.tolist() == [[-5, -3, 0, -6, -1, -2]]
    assert dealt.beam_SC.tolist() == [[1, 0, 0, 1, 0, 0]]
    assert dealt.token_SC.tolist() == [[1, 3, 0, 2, 1, 2]]


def test_a_required_word_may_be_generated_twice_where_nothing_else_may() -> None:
    stepper = random_stepper(num_tables=NUM_TABLES)
    strategy = ConstrainedBeam(no_repeat_ngram=1, max_length=7).bind(
        Request(constraints=[[[5, 6], [5, 7]]] * NUM_TABLES)
    )
    for tokens in unpadded(_generate(strategy, stepper).tokens_NL):
        assert _contains(tokens, [5, 6])
        assert _contains(tokens, [5, 7])


def test_a_word_counts_only_if_no_other_token_continues_it() -> None:
    """Tokens 5 to 7 begin words, the others continue them: 5 8 is another word than 5."""
    stepper = random_stepper(num_tables=NUM_TABLES, eos=-1.0)
    stepper.logits_TVV[:, :, 8:] += 4.0
    continuing = [8, 9, 10, 11]
    for constraints in ([[5]], [[5, 8]], [[5], [6]], [[5], [5, 8]]):
        strategy = ConstrainedBeam(beam_size=6, max_length=9).bind(
            Request(constraints=[constraints] * NUM_TABLES, continuing=continuing)
        )
        generated = _generate(strategy, stepper)
        for tokens in unpadded(generated.tokens_NL):
            starts = [i for i, token in enumerate(tokens) if token < 8 or i == 0]
            words = [tokens[i:j] for i, j in zip(starts, [*starts[1:], len(tokens)], strict=True)]
            assert all(phrase in words for phrase in constraints)


def test_refuses_words_that_leave_no_room_for_an_end() -> None:
    strategy = ConstrainedBeam(max_length=4)
    assert strategy.bind(Request(constraints=[[[5, 6], [7], [7]], []])).num == 1
    with pytest.raises(ValueError, match=r"generation.max_length must be above the 4 tokens of the words, got 4"):
        strategy.bind(Request(constraints=[[], [[5, 6], [6, 7]]]))


def test_binding_leaves_the_strategy_as_it_was() -> None:
    stepper, free = random_stepper(num_tables=NUM_TABLES), ConstrainedBeam(num=2)
    before = _generate(free, stepper)
    free.bind(Request(constraints=[[[5]]] * NUM_TABLES))
    assert torch.equal(_generate(free, stepper).tokens_NL, before.tokens_NL)


def test_words_without_tokens_are_not_forgotten() -> None:
    with pytest.raises(AssertionError, match="call `bind` first"):
        _generate(ConstrainedBeam(words=["dog"]), random_stepper(num_tables=NUM_TABLES))


def test_ends_only_after_its_words() -> None:
    stepper = random_stepper(num_tables=NUM_TABLES, eos=20.0)
    generated = _generate(ConstrainedBeam().bind(Request(constraints=[[[FIRST_WORD], [7, 8]]] * NUM_TABLES)), stepper)
    assert generated.finished_N.all()
    assert (generated.tokens_NL == EOS).sum(dim=1).tolist() == [1] * NUM_TABLES
