"""What every decoder promises, over every implementation, each with every attention and without."""

import inspect
from functools import partial
from typing import Any

import pytest
import torch

from lightning_modules.networks import decoders
from lightning_modules.networks.attentions import Attention, AttentionBuilder, LuongAttention, MultiHeadAttention
from lightning_modules.networks.decoders import Decoder, GRUDecoder, TransformerDecoder

ATTENTIONS: dict[str, AttentionBuilder | None] = {
    "blind": None,
    "luong": partial(LuongAttention, width=6, positions=5, hidden_size=8),
    "multi_head": partial(MultiHeadAttention, width=6, positions=5, hidden_size=8, num_heads=2),
}
IMPLEMENTATIONS = [
    kind
    for kind in map(decoders.__dict__.__getitem__, decoders.__all__)
    if issubclass(kind, Decoder) and not inspect.isabstract(kind)
]
CONTEXT_NX = torch.linspace(-1, 1, 3 * 7).view(3, 7).sin()
GRID_NPD = torch.linspace(0, 9, 3 * 5 * 6).view(3, 5, 6).cos()
WORDS_NLE = torch.linspace(-2, 8, 3 * 6 * 4).view(3, 6, 4).sin()


@pytest.fixture(params=IMPLEMENTATIONS)
def kind(request: pytest.FixtureRequest) -> type[GRUDecoder]:
    return request.param


@pytest.fixture(params=ATTENTIONS)
def attention(request: pytest.FixtureRequest) -> AttentionBuilder | None:
    return ATTENTIONS[request.param]


@pytest.fixture
def decoder(kind: type[GRUDecoder], attention: AttentionBuilder | None) -> GRUDecoder:
    return kind(embedding_dim=4, context_dim=7, hidden_size=8, num_layers=2, attention=attention).eval()


def _start(decoder: Decoder, rows: slice | list[int] = slice(None)) -> Any:
    return decoder.start(CONTEXT_NX[rows], GRID_NPD[rows])


def test_reading_all_words_at_once_is_reading_them_one_at_a_time(decoder: Decoder) -> None:
    at_once_NLH, state_after = decoder.advance(WORDS_NLE, _start(decoder))
    assert at_once_NLH.shape == (3, 6, decoder.hidden_size)
    state, one_by_one = _start(decoder), []
    for t in range(6):
        hidden_N1H, state = decoder.advance(WORDS_NLE[:, t : t + 1], state)
        one_by_one.append(hidden_N1H)
    torch.testing.assert_close(torch.cat(one_by_one, dim=1), at_once_NLH)
    next_N1E = torch.ones(3, 1, 4)
    torch.testing.assert_close(decoder.advance(next_N1E, state)[0], decoder.advance(next_N1E, state_after)[0])


def test_a_word_does_not_see_those_after_it(decoder: Decoder) -> None:
    hidden_NLH, _ = decoder.advance(WORDS_NLE, _start(decoder))
    changed_NLE = WORDS_NLE.clone()
    changed_NLE[:, 4:] = 5.0
    changed_NLH, _ = decoder.advance(changed_NLE, _start(decoder))
    torch.testing.assert_close(changed_NLH[:, :4], hidden_NLH[:, :4])
    assert not torch.allclose(changed_NLH[:, 4:], hidden_NLH[:, 4:])


def test_states_can_be_selected_repeated_and_reordered(decoder: Decoder) -> None:
    _, state = decoder.advance(WORDS_NLE[:, :3], _start(decoder))
    hidden_NLH, _ = decoder.advance(WORDS_NLE[:, 3:], state)
    rows = torch.tensor([2, 0, 0, 1])
    selected_NLH, _ = decoder.advance(WORDS_NLE[rows, 3:], state.select(rows))
    torch.testing.assert_close(selected_NLH, hidden_NLH[rows])


def test_a_caption_does_not_depend_on_those_beside_it(decoder: Decoder) -> None:
    together_NLH, _ = decoder.advance(WORDS_NLE, _start(decoder))
    alone_NLH, _ = decoder.advance(WORDS_NLE[1:2], _start(decoder, slice(1, 2)))
    torch.testing.assert_close(alone_NLH, together_NLH[1:2])


def test_going_on_from_a_state_leaves_it_as_it_was(decoder: Decoder) -> None:
    state = _start(decoder)
    first_NLH, _ = decoder.advance(WORDS_NLE, state)
    again_NLH, _ = decoder.advance(WORDS_NLE, state)
    torch.testing.assert_close(again_NLH, first_NLH, rtol=0, atol=0)


@pytest.mark.parametrize("grad", [True, False])
def test_captions_of_an_image_share_its_places(decoder: Decoder, grad: bool) -> None:
    """As places of their own, whether or not gradients are wanted."""
    context_NX, words_NLE = torch.randn(6, 7), torch.randn(6, 4, 4)
    with torch.set_grad_enabled(grad):
        shared_NLH, state = decoder.advance(words_NLE, decoder.start(context_NX, GRID_NPD))
        own_NLH, _ = decoder.advance(words_NLE, decoder.start(context_NX, GRID_NPD.repeat_interleave(2, dim=0)))
        torch.testing.assert_close(shared_NLH, own_NLH)
        next_NLE = torch.randn(6, 1, 4)
        next_NLH, _ = decoder.advance(next_NLE, state)
        for rows in ([1, 0, 3, 2, 4, 4], [0, 0, 1, 2, 3, 3, 5, 5, 5], [3, 2, 0, 1], [5], [0, 2, 4], [4, 0, 1]):
            selected_NLH, _ = decoder.advance(next_NLE[rows], state.select(torch.tensor(rows)))
            torch.testing.assert_close(selected_NLH, next_NLH[rows])


def test_places_are_kept_once_for_as_long_as_captions_stay_with_their_image(
    decoder: Decoder, attention: AttentionBuilder | None
) -> None:
    if attention is None:
        return
    with torch.no_grad():
        state = decoder.start(torch.randn(3, 7), GRID_NPD)
    for rows in ([0, 0, 1, 1, 2, 2], [1, 0, 2, 3, 5, 5], [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]):
        before, state = state, state.select(torch.tensor(rows))
        assert all(new is old for new, old in zip(_memories(state), _memories(before), strict=True))
    fewer = state.select(torch.tensor([0, 1, 8, 9]))
    assert [len(memory) for memory in _memories(fewer)] == [2] * len(_memories(fewer))


def _memories(state: Any) -> tuple[torch.Tensor, ...]:
    return state.memories_M if hasattr(state, "memories_M") else (state.memory_M,)


def test_context_matters_and_the_grid_only_with_attention(decoder: Decoder, attention: AttentionBuilder | None) -> None:
    hidden_NLH, _ = decoder.advance(WORDS_NLE, _start(decoder))
    other_context_NLH, _ = decoder.advance(WORDS_NLE, decoder.start(CONTEXT_NX + 1, GRID_NPD))
    other_grid_NLH, _ = decoder.advance(WORDS_NLE, decoder.start(CONTEXT_NX, GRID_NPD + 1))
    assert not torch.allclose(other_context_NLH, hidden_NLH)
    assert torch.allclose(other_grid_NLH, hidden_NLH) is (attention is None)


@torch.no_grad()
def test_the_weights_of_places_are_those_of_every_look(decoder: Decoder, attention: AttentionBuilder | None) -> None:
    """The mean over layers, and none without attention; also where two captions share their image's places."""
    looks: list[torch.Tensor] = []
    for module in decoder.modules():
        if isinstance(module, Attention):
            module.register_forward_hook(lambda module, given, _: looks.append(module.weights(*given)))
    state = decoder.start(CONTEXT_NX[[0, 1]], GRID_NPD[:1])
    decoder.advance(WORDS_NLE[:2], state)
    weights_NLP = decoder.attention_weights(WORDS_NLE[:2], state)
    if attention is None:
        assert weights_NLP is None
        return
    assert weights_NLP is not None
    torch.testing.assert_close(weights_NLP.sum(dim=-1), torch.ones(2, 6))
    torch.testing.assert_close(weights_NLP, torch.stack(looks).mean(dim=0))
    assert weights_NLP.std(dim=-1).min() > 0


@torch.no_grad()
def test_weights_are_seen_word_by_word_as_for_all_words_at_once(
    decoder: Decoder, attention: AttentionBuilder | None
) -> None:
    if attention is None:
        return
    state = _start(decoder)
    at_once_NLP = decoder.attention_weights(WORDS_NLE, state)
    for t in range(6):
        word_N1E = WORDS_NLE[:, t : t + 1]
        torch.testing.assert_close(decoder.attention_weights(word_N1E, state), at_once_NLP[:, t : t + 1])
        _, state = decoder.advance(word_N1E, state)


def test_everything_learns(decoder: Decoder) -> None:
    decoder.advance(WORDS_NLE, _start(decoder))[0].square().sum().backward()
    unused = [name for name, p in decoder.named_parameters() if p.grad is None or p.grad.abs().sum() == 0]
    assert unused == []


def test_hidden_words_are_hidden_in_training_alone(kind: type[GRUDecoder]) -> None:
    decoder = kind(embedding_dim=4, context_dim=7, hidden_size=8, word_dropout=0.5).eval()
    hidden_NLH, _ = decoder.advance(WORDS_NLE, _start(decoder))
    as_zeros_NLH, _ = decoder.advance(torch.zeros_like(WORDS_NLE), _start(decoder))
    decoder.train()
    trained_NLH, _ = decoder.advance(WORDS_NLE, _start(decoder))
    assert not torch.allclose(trained_NLH, hidden_NLH)
    first_seen_N = torch.isclose(trained_NLH[:, 0], hidden_NLH[:, 0]).all(dim=-1)
    first_hidden_N = torch.isclose(trained_NLH[:, 0], as_zeros_NLH[:, 0]).all(dim=-1)
    assert (first_seen_N ^ first_hidden_N).all()


def test_a_transformer_says_when_a_caption_is_too_long() -> None:
    decoder = TransformerDecoder(embedding_dim=4, context_dim=7, hidden_size=8, num_positions=5)
    _, state = decoder.advance(WORDS_NLE[:, :5], _start(decoder))
    with pytest.raises(
        ValueError, match=r"model.decoder.num_positions=5 is too few for captions of 6 tokens; raise it"
    ):
        decoder.advance(WORDS_NLE[:, 5:], state)


def test_heads_share_the_width() -> None:
    with pytest.raises(ValueError, match=r"model.decoder.num_heads must divide hidden_size=8, got 3"):
        TransformerDecoder(embedding_dim=4, context_dim=7, hidden_size=8, num_heads=3)
