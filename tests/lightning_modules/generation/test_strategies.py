"""What every strategy promises, over every implementation."""

import inspect
import weakref
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from lightning_modules import generation
from lightning_modules.generation import (
    Beam,
    ConstrainedBeam,
    DiverseBeam,
    Generated,
    Greedy,
    Latent,
    Pool,
    Sample,
    StartOf,
    Strategy,
)
from tests.lightning_modules.generation.table_stepper import (
    BOS,
    CLS,
    EOS,
    PAD,
    SPECIAL,
    UNK,
    Tables,
    TableStepper,
    ViewStepper,
    random_stepper,
    start,
    unpadded,
)

RANDOM: dict[str, Callable[..., Strategy]] = {
    "sample": Sample,
    "sample, filtered": partial(Sample, temperature=0.7, top_k=4, top_p=0.9, typical_p=0.95, filter_thres=0.2),
    "sample, few repeats": partial(Sample, repetition_penalty=1.5),
    "latent, sampled words": partial(Latent, temperature=0.7),
    "latent, sampled words that differ": partial(Latent, num=2, max_draws=10, temperature=0.7),
}
CERTAIN: dict[str, Callable[..., Strategy]] = {
    "greedy": Greedy,
    "sample, one word": partial(Sample, top_k=1),
    "beam": Beam,
    "beam of one": partial(Beam, beam_size=1),
    "beam, 3 best": partial(Beam, num=3, no_repeat_ngram=2),
    "beam wider than the vocabulary": partial(Beam, beam_size=40, num=4),
    "diverse beam": DiverseBeam,
    "diverse beam, 3 best of 2 groups": partial(DiverseBeam, num=3, num_groups=2, beam_size=4),
    "constrained beam, unconstrained": partial(ConstrainedBeam, num=2),
    "latent": Latent,
    "latent, by beams": partial(Latent, beam_size=3, source="prior"),
    "latent, all that differ": partial(Latent, num=2, max_draws=5, spread="stratified"),
    "latent, those that differ most": partial(Latent, num=2, max_draws=5, spread="clusters", diversity=1.0),
}
BUILDERS = RANDOM | CERTAIN


@pytest.fixture(params=BUILDERS)
def make(request: pytest.FixtureRequest) -> Callable[..., Strategy]:
    return BUILDERS[request.param]


@pytest.fixture(params=CERTAIN)
def make_certain(request: pytest.FixtureRequest) -> Callable[..., Strategy]:
    return CERTAIN[request.param]


def _captions_each(strategy: Strategy) -> int:
    """Of a latent sample, before any is left out."""
    return max(1, strategy.num // strategy.latents.num)


def test_every_implementation_is_tested() -> None:
    kinds = {builder.func if isinstance(builder, partial) else builder for builder in BUILDERS.values()}
    classes = {getattr(generation, name) for name in generation.__all__}
    elsewhere = {Pool, StartOf}  # made of others: test_pool.py, and of an ensemble: test_ensemble.py
    strategies = {kind for kind in classes if inspect.isclass(kind) and issubclass(kind, Strategy)}
    assert kinds == strategies - {Strategy} - elsewhere


@pytest.mark.parametrize("eos", [-3.0, 0.0, 3.0])
def test_captions_are_words_then_the_end_then_padding(make: Callable[..., Strategy], eos: float) -> None:
    strategy = make(max_length=9)
    generated = strategy(random_stepper(eos=eos, special=50.0), *start(40), SPECIAL)
    assert len(generated.tokens_NL) == 40 * _captions_each(strategy)
    assert generated.tokens_NL.shape[1] <= 9
    for tokens, finished in zip(generated.tokens_NL.tolist(), generated.finished_N.tolist(), strict=True):
        words = tokens[: tokens.index(EOS)] if EOS in tokens else tokens
        assert words
        assert not {PAD, BOS, EOS, UNK, CLS} & {*words}
        assert {*tokens[len(words) + 1 :]} <= {PAD}
        assert finished == (EOS in tokens)


@pytest.mark.parametrize("eos", [-1.0, 2.0])
def test_captions_have_the_probability_that_the_model_gives_them(make: Callable[..., Strategy], eos: float) -> None:
    """Without any filter, penalty or temperature, and though others of the batch go on after a caption has ended."""
    strategy, stepper = make(max_length=9), random_stepper(eos=eos)
    generated = strategy(stepper, *start(10), SPECIAL)
    each = _captions_each(strategy)
    expected = [
        stepper.log_probability(n // each % 5, tokens) for n, tokens in enumerate(unpadded(generated.tokens_NL))
    ]
    torch.testing.assert_close(generated.log_probability_N, torch.tensor(expected))
    assert generated.score_N.shape == generated.log_probability_N.shape
    assert generated.score_N.isfinite().all()


def test_a_caption_that_wants_to_be_empty_has_one_word(make: Callable[..., Strategy]) -> None:
    generated = make(max_length=9)(random_stepper(eos=1e6), *start(10), SPECIAL)
    assert generated.tokens_NL.shape[1] == 2
    assert (generated.tokens_NL[:, 1] == EOS).all()
    assert generated.finished_N.all()


def test_a_caption_that_never_ends_is_cut_and_marked(make: Callable[..., Strategy]) -> None:
    stepper = random_stepper()
    stepper.logits_TVV[..., EOS] = -torch.inf
    for max_length in (1, 7):
        strategy = make(max_length=max_length)
        generated = strategy(stepper, *start(10), SPECIAL)
        assert generated.tokens_NL.shape == (10 * _captions_each(strategy), max_length)
        assert (generated.tokens_NL > CLS).all()
        assert not generated.finished_N.any()


def test_a_batch_of_many_says_what_batches_of_one_say(make_certain: Callable[..., Strategy]) -> None:
    strategy, stepper = make_certain(max_length=9), random_stepper(num_tables=20, eos=1.0)
    together, each = strategy(stepper, *start(20, of=20), SPECIAL), _captions_each(strategy)
    for table in range(20):
        alone = strategy(stepper, Tables(torch.tensor([table])), torch.tensor([BOS]), SPECIAL)
        of_table = Generated(*(part[table * each : (table + 1) * each] for part in together))
        assert unpadded(alone.tokens_NL) == unpadded(of_table.tokens_NL)
        torch.testing.assert_close(alone[1:], of_table[1:])


@pytest.mark.parametrize("name", [name for name in CERTAIN if "diverse" not in name])
def test_ranked_captions_come_best_first_and_the_unfinished_last(name: str) -> None:
    strategy = CERTAIN[name](max_length=6)
    generated, each = strategy(random_stepper(num_tables=20), *start(20, of=20), SPECIAL), _captions_each(strategy)
    ranks = [
        (finished, score)
        for finished, score in zip(generated.finished_N.tolist(), generated.score_N.tolist(), strict=True)
    ]
    for i in range(0, len(ranks), each):
        assert ranks[i : i + each] == sorted(ranks[i : i + each], reverse=True)


def test_as_many_captions_as_required_are_selected_of_each_image(make: Callable[..., Strategy]) -> None:
    strategy, num_images = make(max_length=3), 4
    generated = strategy(random_stepper(eos=2.0), *start(num_images * strategy.latents.num), SPECIAL)
    selection = strategy.select(generated, SPECIAL, num_images)
    if selection is None:
        assert len(generated.tokens_NL) == num_images * strategy.num
        return
    assert selection.chosen_SF.shape == (num_images, strategy.num)
    assert all(len({*chosen}) == strategy.num for chosen in selection.chosen_SF.tolist())
    assert selection.chosen_SF.min() >= 0
    assert (selection.chosen_SF < selection.num_draws_S.unsqueeze(1)).all()
    assert (selection.num_draws_S <= strategy.latents.num).all()


def test_no_tensor_of_the_callers_is_changed(make: Callable[..., Strategy]) -> None:
    logits_NV = torch.randn(4 * 40, SPECIAL.size)
    stepper, before_NV, (state, first_N) = ViewStepper(logits_NV), logits_NV.clone(), start(4)
    make(max_length=5)(stepper, state, first_N, SPECIAL)
    assert torch.equal(logits_NV, before_NV)
    assert state.table_N.tolist() == [0, 1, 2, 3]
    assert first_N.tolist() == [BOS] * 4


class Watched(TableStepper):
    """Remembers all logits that it gave, without keeping them."""

    def __init__(self, logits_TVV: Tensor) -> None:
        super().__init__(logits_TVV)
        self.given: list[weakref.ref[Tensor]] = []
        self.most_alive = 0

    def step(self, tokens_N: Tensor, state: Tables) -> tuple[Tensor, Tables]:
        self.most_alive = max(self.most_alive, sum(logits() is not None for logits in self.given))
        logits_NV, state = super().step(tokens_N, state)
        self.given.append(weakref.ref(logits_NV))
        return logits_NV, state


def test_memory_does_not_grow_with_the_length_of_captions(make: Callable[..., Strategy]) -> None:
    stepper = Watched(random_stepper(eos=-9.0).logits_TVV)
    make(max_length=15)(stepper, *start(10), SPECIAL)
    assert len(stepper.given) == 15
    assert stepper.most_alive <= 1


def test_refuses_captions_without_tokens(make: Callable[..., Strategy]) -> None:
    with pytest.raises(ValueError, match=r"generation.max_length must be at least 1, got 0"):
        make(max_length=0)
