import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from lightning_modules.generation import Beam, Greedy, MixtureState, MixtureStepper
from tests.lightning_modules.generation.brute_force import every_finished_caption
from tests.lightning_modules.generation.table_stepper import (
    EOS,
    FIRST_WORD,
    SPECIAL,
    TableStepper,
    random_stepper,
    start,
    unpadded,
)

NUM_IMAGES, NUM_CODES = 3, 2
MAX_LENGTH = 4


class MixedTable(TableStepper):
    """Σ_k π_k P(caption | code k) of whole captions, as the product of its words' conditional probabilities."""

    def __init__(self, codes: TableStepper, weight_BK: Tensor) -> None:
        self.codes, self.weight_BK = codes, weight_BK

    def log_joint(self, image: int, tokens: Sequence[int]) -> list[float]:
        """Return log π_k + log P(tokens | code k) of each code."""
        return [
            math.log(weight)
            + sum(
                self.codes.next_log_probability(NUM_CODES * image + code, tokens[:i])[token]
                for i, token in enumerate(tokens)
            )
            for code, weight in enumerate(self.weight_BK[image].tolist())
        ]

    def next_log_probability(self, table: int, generated: Sequence[int]) -> list[float]:
        before = sum(map(math.exp, self.log_joint(table, generated)))
        return [
            math.log(sum(map(math.exp, self.log_joint(table, [*generated, token]))) / before)
            for token in range(SPECIAL.size)
        ]


@pytest.fixture
def codes() -> TableStepper:
    return random_stepper(NUM_IMAGES * NUM_CODES, eos=1.0)


@pytest.fixture
def weight_BK() -> Tensor:
    return torch.tensor([[0.5, 0.5], [0.9, 0.1], [0.3, 0.7]])


def mixed_start(weight_BK: Tensor) -> tuple[MixtureState, Tensor]:
    tables, _ = start(NUM_IMAGES * NUM_CODES, of=NUM_IMAGES * NUM_CODES)
    _, first_N = start(NUM_IMAGES)
    return MixtureState(tables, weight_BK.log()), first_N


def test_the_greedy_word_is_the_likeliest_of_the_mixture(codes: TableStepper, weight_BK: Tensor) -> None:
    state, first_N = mixed_start(weight_BK)
    generated = Greedy(max_length=9)(MixtureStepper(codes), state, first_N, SPECIAL)
    mixed = MixedTable(codes, weight_BK)
    for image, tokens in enumerate(unpadded(generated.tokens_NL)):
        for i, token in enumerate(tokens):
            log_p_V = mixed.next_log_probability(image, tokens[:i])
            allowed = [*range(FIRST_WORD, SPECIAL.size), *([EOS] if i else [])]
            assert token == max(allowed, key=log_p_V.__getitem__)
        nats = math.log(sum(map(math.exp, mixed.log_joint(image, tokens))))
        assert generated.log_probability_N[image].item() == pytest.approx(nats, abs=1e-4)


def test_a_wide_beam_finds_the_best_captions_of_the_mixture(codes: TableStepper, weight_BK: Tensor) -> None:
    state, first_N = mixed_start(weight_BK)
    beam = Beam(beam_size=400, num=2, length_penalty=0.6, max_length=MAX_LENGTH)
    generated = beam(MixtureStepper(codes), state, first_N, SPECIAL)
    mixed = MixedTable(codes, weight_BK)
    best = [every_finished_caption(mixed, image, MAX_LENGTH, 0.6)[:2] for image in range(NUM_IMAGES)]
    assert unpadded(generated.tokens_NL) == [[*caption.tokens] for of_image in best for caption in of_image]


def test_words_tell_which_code_they_follow_from(codes: TableStepper, weight_BK: Tensor) -> None:
    state, tokens_N = mixed_start(weight_BK)
    stepper = MixtureStepper(codes)
    said: list[Tensor] = []
    for _ in range(3):
        logits_NV, state = stepper.step(tokens_N, state)
        tokens_N = logits_NV[:, FIRST_WORD:].argmax(dim=1) + FIRST_WORD
        said.append(tokens_N)
    mixed = MixedTable(codes, weight_BK)
    joint_NK = torch.tensor(
        [mixed.log_joint(image, [int(word[image]) for word in said]) for image in range(NUM_IMAGES)]
    )
    torch.testing.assert_close(state.weights_after(tokens_N), joint_NK.log_softmax(dim=1))
