import pytest
import torch

from lightning_modules.generation import Beam, ConstrainedBeam, Greedy, Latent, Pool, Request, Sample
from tests.lightning_modules.generation.table_stepper import PAD, SPECIAL, random_stepper, start, unpadded
from utils.seeding import generators_of

NUM_IMAGES = 3


def test_captions_of_an_image_are_those_of_each_strategy_in_turn() -> None:
    stepper = random_stepper(eos=1.0)
    beam, sample, greedy = Beam(beam_size=4, num=2, max_length=9), Sample(num=3, max_length=5), Greedy(max_length=9)
    pool = Pool(strategies={"beam": beam, "sample": sample, "greedy": greedy})
    assert (pool.num, pool.latents.num, pool.max_length) == (6, 6, 9)
    assert [part.num for part in pool.latents.parts] == [2, 3, 1]
    assert [part.style_scale for part in pool.latents.parts] == [0, 1, 0]
    tables, first_N = start(NUM_IMAGES)
    rows = torch.arange(NUM_IMAGES).repeat_interleave(6)
    generators = generators_of(range(NUM_IMAGES))
    together = pool.bind(Request(generators=generators))(stepper, tables.select(rows), first_N[rows], SPECIAL)
    by_image = torch.tensor([*range(len(together.tokens_NL))]).view(NUM_IMAGES, 6)
    of_samples = torch.arange(NUM_IMAGES).repeat_interleave(3)
    alone = [
        beam(stepper, tables, first_N, SPECIAL),
        sample.bind(Request(generators=generators_of(range(NUM_IMAGES))))(
            stepper, tables.select(of_samples), first_N[of_samples], SPECIAL
        ),
        greedy(stepper, tables, first_N, SPECIAL),
    ]
    for part, rows_BK in zip(alone, by_image.split([2, 3, 1], dim=1), strict=True):
        chosen_N = rows_BK.flatten()
        assert unpadded(together.tokens_NL[chosen_N]) == unpadded(part.tokens_NL)
        torch.testing.assert_close(together.log_probability_N[chosen_N], part.log_probability_N)
        assert torch.equal(together.finished_N[chosen_N], part.finished_N)
    assert torch.equal(together.score_N, together.log_probability_N)
    assert (together.tokens_NL[:, 5:][by_image[:, 2:5].flatten()] == PAD).all()


def test_constraints_reach_the_strategy_of_their_rows() -> None:
    pool = Pool(strategies={"first": ConstrainedBeam(num=2, max_length=9), "next": ConstrainedBeam(max_length=9)})
    phrases = [[[7]]] * 3 + [[[8], [9]]] * 3  # of two images, three latent samples each
    tables, first_N = start(2)
    rows = torch.arange(2).repeat_interleave(3)
    bound = pool.bind(Request(constraints=phrases))
    generated = bound(random_stepper(), tables.select(rows), first_N[rows], SPECIAL)
    for number, tokens in enumerate(unpadded(generated.tokens_NL)):
        assert {7} <= {*tokens} if number < 3 else {8, 9} <= {*tokens}


@pytest.mark.parametrize(
    ("strategies", "problem"),
    [
        ({}, r"strategies must be at least one strategy, got \{\}"),
        (
            {"latent": Latent(num=2, max_draws=9)},
            "strategies.latent must be a strategy that keeps all .*got 2 captions",
        ),
        ({"pool": Pool(strategies={"greedy": Greedy()})}, "strategies.pool must be .* no pool"),
    ],
)
def test_what_cannot_be_pooled_is_refused(strategies: dict, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Pool(strategies=strategies)
