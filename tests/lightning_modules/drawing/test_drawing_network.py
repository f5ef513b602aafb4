"""Drawing with a real network: each row of guidance reads what it should, at every step."""

from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_modules.drawing import draw_tokens
from lightning_modules.generation import Drawing, GreedyDrawing, SampledDrawing
from lightning_modules.networks.dalle import DALLE
from lightning_modules.results.drawn import Drawn
from tests.lightning_modules.networks.tiny_dalle import EOS, PAD, tiny_dalle
from utils.seeding import generators_of

KINDS: dict[str, dict[str, Any]] = {
    "full": {"reader": "convolutional"},
    "causal": {"condition": "causal"},
    "learned padding": {"padding": "learned"},
}
CAPTIONS = [[4, 5, 6, EOS, PAD, PAD], [7, EOS, PAD, PAD, PAD, PAD], [3, 3, 9, 10, 8, EOS], [7, EOS, PAD, PAD, PAD, PAD]]
SEEDS = [5, 6, 7, 8]


@pytest.fixture(params=KINDS, name="network")
def _network(request: pytest.FixtureRequest) -> DALLE:
    return tiny_dalle(**KINDS[request.param])


def _tokens(network: DALLE) -> Tensor:
    return torch.tensor([[*network.text.prefix, *caption] for caption in CAPTIONS])


def _draw(network: DALLE, tokens_RL: Tensor, drawing: Drawing, **settings: Any) -> Drawn:
    return draw_tokens(network, tokens_RL, drawing, pad_id=PAD, **settings)


@pytest.mark.parametrize("drawing", [SampledDrawing(guidance=3.0), GreedyDrawing(guidance=3.0)])
def test_at_every_step_both_rows_are_a_fresh_full_pass(
    network: DALLE, drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[Tensor] = []
    step_drawing = DALLE.step_drawing

    def watched(self: DALLE, codes_T: Tensor | None, state: Any) -> tuple[Tensor, Any]:
        logits_TK, state = step_drawing(self, codes_T, state)
        steps.append(logits_TK)
        return logits_TK, state

    monkeypatch.setattr(DALLE, "step_drawing", watched)
    tokens_RL = _tokens(network)
    before_RL = tokens_RL.clone()
    codes_RP = _draw(network, tokens_RL, drawing, generators=generators_of(SEEDS)).codes_RP
    assert torch.equal(tokens_RL, before_RL)
    caption_RPK, null_RPK = torch.stack(steps, dim=1).chunk(2)
    with torch.no_grad():
        expected_RPK = network.text_first(tokens_RL, codes_RP).code_logits_RPK
        nothing_RPK = network.text_first(network.null_tokens().expand(4, -1), codes_RP).code_logits_RPK
    torch.testing.assert_close(caption_RPK, expected_RPK, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(null_RPK, nothing_RPK, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(caption_RPK[:, -1], null_RPK[:, -1], atol=1e-3)  # a weak test otherwise


def test_guidance_1_is_none_bit_for_bit(network: DALLE) -> None:
    drawn = _draw(network, _tokens(network), GreedyDrawing(guidance=1.0))
    tokens_UL, rows_R = _tokens(network).unique(dim=0, return_inverse=True)
    codes: list[Tensor] = []
    log_probability_R = torch.zeros(4)
    with torch.no_grad():
        state = network.start_drawing(tokens_UL).select(rows_R)
        for _ in range(network.num_positions):
            logits_RK, state = network.step_drawing(codes[-1] if codes else None, state)
            codes.append(logits_RK.argmax(dim=1))
            log_probability_R += logits_RK.log_softmax(dim=1).amax(dim=1)
        images_RCHW = network.decode(torch.stack(codes, dim=1))
    assert torch.equal(drawn.codes_RP, torch.stack(codes, dim=1))
    assert torch.equal(drawn.images_RCHW, images_RCHW)
    torch.testing.assert_close(drawn.log_probability_R, log_probability_R)


def test_drawings_do_not_depend_on_the_others_of_their_batch(network: DALLE) -> None:
    drawing = SampledDrawing(top_p=None, guidance=2.0)
    tokens_RL, order = _tokens(network), [2, 0, 3, 1]
    drawn = _draw(network, tokens_RL, drawing, generators=generators_of(SEEDS))
    again = _draw(network, tokens_RL[order], drawing, generators=generators_of(SEEDS[i] for i in order))
    assert torch.equal(again.codes_RP, drawn.codes_RP[order])
    for row in range(4):
        one_1L = tokens_RL[row : row + 1, : network.text.is_token(tokens_RL)[row].sum()]  # without its padding
        alone = _draw(network, one_1L, drawing, generators=generators_of(SEEDS[row : row + 1]))
        assert torch.equal(alone.codes_RP[0], drawn.codes_RP[row])
        torch.testing.assert_close(alone.log_probability_R[0], drawn.log_probability_R[row], rtol=1e-4, atol=1e-4)
    assert not torch.equal(drawn.codes_RP[1], drawn.codes_RP[3])  # of one caption, by other random numbers


def test_captions_that_come_again_and_the_empty_one_are_read_once(
    network: DALLE, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    start_drawing = DALLE.start_drawing

    def counted(self: DALLE, tokens_NL: Tensor) -> Any:
        read.append(len(tokens_NL))
        return start_drawing(self, tokens_NL)

    monkeypatch.setattr(DALLE, "start_drawing", counted)
    drawn = _draw(network, _tokens(network), SampledDrawing(guidance=2.0))
    assert read == [3 + 1]
    assert drawn.images_RCHW.shape == (4, 3, 16, 16)
    assert 0 <= drawn.images_RCHW.min() <= drawn.images_RCHW.max() <= 1
