from lightning_modules.generation import CodeDraws, Greedy
from tests.lightning_modules.generation.table_stepper import (
    BOS,
    EOS,
    FIRST_WORD,
    PAD,
    SPECIAL,
    TableStepper,
    random_stepper,
    start,
)


def _brute_force(stepper: TableStepper, table: int, max_length: int) -> list[int]:
    logits_VV, said = stepper.logits_TVV[table].tolist(), [BOS]
    while len(said) <= max_length and said[-1] != EOS:
        allowed = [*range(FIRST_WORD, SPECIAL.size), *([EOS] if len(said) > 1 else [])]
        said.append(max(allowed, key=logits_VV[said[-1]].__getitem__))
    return said[1:]


def test_is_a_brute_force_over_each_caption() -> None:
    for eos in (0.0, 1.0, 2.0):
        stepper = random_stepper(num_tables=30, eos=eos, special=5.0)
        tokens_NL = Greedy(max_length=12)(stepper, *start(30, of=30), SPECIAL).tokens_NL
        expected = [_brute_force(stepper, table, 12) for table in range(30)]
        longest = max(map(len, expected))
        assert tokens_NL.tolist() == [said + [PAD] * (longest - len(said)) for said in expected]


def test_takes_the_means_of_the_codes_once() -> None:
    assert (Greedy().num, Greedy().codes) == (1, CodeDraws(num=1, style_noise=0.0, content_noise=0.0))
