from lightning_modules.generation import Greedy, LatentSampling
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
    logits_VV, generated = stepper.logits_TVV[table].tolist(), [BOS]
    while len(generated) <= max_length and generated[-1] != EOS:
        allowed = [*range(FIRST_WORD, SPECIAL.size), *([EOS] if len(generated) > 1 else [])]
        generated.append(max(allowed, key=logits_VV[generated[-1]].__getitem__))
    return generated[1:]


def test_is_a_brute_force_over_each_caption() -> None:
    for eos in (0.0, 1.0, 2.0):
        stepper = random_stepper(num_tables=30, eos=eos, special=5.0)
        tokens_NL = Greedy(max_length=12)(stepper, *start(30, of=30), SPECIAL).tokens_NL
        expected = [_brute_force(stepper, table, 12) for table in range(30)]
        longest = max(map(len, expected))
        assert tokens_NL.tolist() == [generated + [PAD] * (longest - len(generated)) for generated in expected]


def test_takes_the_means_of_the_codes_once() -> None:
    assert (Greedy().num, Greedy().latents) == (1, LatentSampling(num=1, style_scale=0.0, content_scale=0.0))
