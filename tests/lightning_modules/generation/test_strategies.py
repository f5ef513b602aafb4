"""What every strategy promises, over every implementation."""

from collections.abc import Callable
from functools import partial

import pytest
import torch

from lightning_modules import generation
from lightning_modules.generation import Greedy, Sample, Strategy
from tests.lightning_modules.generation.table_stepper import (
    BOS,
    CLS,
    EOS,
    PAD,
    SPECIAL,
    UNK,
    ViewStepper,
    random_stepper,
)

BUILDERS: dict[str, Callable[..., Strategy]] = {
    "greedy": Greedy,
    "sample": Sample,
    "sample, filtered": partial(Sample, temperature=0.7, top_k=4, top_p=0.9, filter_thres=0.2),
    "sample, one word": partial(Sample, top_k=1),
}


@pytest.fixture(params=BUILDERS)
def make(request: pytest.FixtureRequest) -> Callable[..., Strategy]:
    return BUILDERS[request.param]


def _rows(num: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The table of each caption, and the last token of its prefix."""
    return torch.arange(num) % 5, torch.full((num,), BOS)


def test_every_implementation_is_tested() -> None:
    kinds = {builder.func if isinstance(builder, partial) else builder for builder in BUILDERS.values()}
    classes = {getattr(generation, name) for name in generation.__all__}
    strategies = {kind for kind in classes if isinstance(kind, type) and "__call__" in vars(kind)}
    assert kinds == strategies - {generation.Stepper, generation.Strategy}


@pytest.mark.parametrize("eos", [-3.0, 0.0, 3.0])
def test_captions_are_words_then_the_end_then_padding(make: Callable[..., Strategy], eos: float) -> None:
    tokens_NL = make(max_length=9)(random_stepper(eos=eos, special=50.0), *_rows(40), SPECIAL)
    assert tokens_NL.shape[0] == 40
    assert tokens_NL.shape[1] <= 9
    for tokens in tokens_NL.tolist():
        words = tokens[: tokens.index(EOS)] if EOS in tokens else tokens
        assert words
        assert not {PAD, BOS, EOS, UNK, CLS} & {*words}
        assert {*tokens[len(words) + 1 :]} <= {PAD}


def test_a_caption_that_wants_to_be_empty_has_one_word(make: Callable[..., Strategy]) -> None:
    tokens_NL = make(max_length=9)(random_stepper(eos=1e6), *_rows(10), SPECIAL)
    assert tokens_NL.shape == (10, 2)
    assert (tokens_NL[:, 1] == EOS).all()


def test_a_caption_that_never_ends_is_cut(make: Callable[..., Strategy]) -> None:
    for max_length in (1, 7):
        tokens_NL = make(max_length=max_length)(random_stepper(eos=-1e6), *_rows(10), SPECIAL)
        assert tokens_NL.shape == (10, max_length)
        assert (tokens_NL > CLS).all()


def test_no_tensor_of_the_callers_is_changed(make: Callable[..., Strategy]) -> None:
    logits_NV = torch.randn(4, SPECIAL.size)
    stepper, before_NV, first_N = ViewStepper(logits_NV), logits_NV.clone(), torch.full((4,), BOS)
    make(max_length=5)(stepper, None, first_N, SPECIAL)
    assert torch.equal(logits_NV, before_NV)
    assert first_N.tolist() == [BOS] * 4


def test_refuses_captions_without_tokens(make: Callable[..., Strategy]) -> None:
    with pytest.raises(ValueError, match=r"generation.max_length must be at least 1, got 0"):
        make(max_length=0)
