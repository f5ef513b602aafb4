"""The transformer of words and codes: parity with DALLE-pytorch, and that steps are a whole pass.

Shape legend: B images, N captions, R captions to draw from, L tokens, P positions of the grid, K codes.
"""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from lightning_modules.networks.dalle import DALLE
from tests.lightning_modules.networks.layers.test_transformer_layer import OPTIONS
from tests.lightning_modules.networks.tiny_dalle import BOS, EOS, PAD, tiny_dalle, tiny_vae
from tests.reference_dalle.conversion import as_ours, greedy_codes
from tests.reference_dalle.model import ReferenceDALLE

KINDS: dict[str, dict[str, Any]] = {
    "full": {"reader": "convolutional"},
    "decoded": {"reader": "decoded"},
    "mult": {"mult": True, "codebook": False, **OPTIONS["all"]},
    "causal": {"condition": "causal"},
    "learned padding": {"padding": "learned"},
    "as DALL-E": {"padding": "learned", "condition": "causal", **OPTIONS["all"]},
    "has_cls": {"prefix": (11, BOS), "num_positions": 9},
    "several codes a position": {"num_codebooks": 4, "reader": "convolutional"},
    "several codes, causal": {"num_codebooks": 4, "condition": "causal"},
}
CAPTIONS = [[4, 5, 6, EOS], [7, EOS], [3, 3, 9, 10, 8, EOS], [5, 4, EOS]]
CODES_BP = torch.tensor([[3, 15, 0, 7], [1, 1, 2, 12]])


@pytest.fixture(params=KINDS, name="network")
def _network(request: pytest.FixtureRequest) -> DALLE:
    return tiny_dalle(**KINDS[request.param])


def _padded(captions: list[list[int]], network: DALLE, length: int = 0) -> Tensor:
    """Return captions with their prefix, padded to the longest, or further."""
    width = max(length, *map(len, captions))
    rows = [[*network.text.prefix, *caption, *[PAD] * (width - len(caption))] for caption in captions]
    return torch.tensor(rows)


@torch.no_grad()
def _nats(network: DALLE, codes_BP: Tensor, captions: list[list[int]], *, length: int = 0) -> Tensor:
    """Return log P of captions word by word, each of one image: [N], by `start` and `step`."""
    tokens_NL = _padded(captions, network, length)
    state, prefix = network.start(codes_BP), len(network.text.prefix)
    total_N = torch.zeros(len(captions))
    for t in range(prefix - 1, tokens_NL.shape[1] - 1):
        logits_NV, state = network.step(tokens_NL[:, t], state)
        nats_N = logits_NV.log_softmax(dim=1).gather(1, tokens_NL[:, t + 1 :][:, :1]).squeeze(1)
        total_N += nats_N.masked_fill(tokens_NL[:, t + 1] == PAD, 0)
    return total_N


@torch.no_grad()
def _drawn_logits(network: DALLE, tokens_RL: Tensor, codes_RP: Tensor) -> Tensor:
    """Return the logits of each code as they come code by code."""
    logits_RK, state = network.step_drawing(None, network.start_drawing(tokens_RL))
    logits = [logits_RK]
    for p in range(network.num_positions - 1):
        logits_RK, state = network.step_drawing(codes_RP[:, p], state)
        logits.append(logits_RK)
    return torch.stack(logits, dim=1)


def test_codes_one_by_one_are_all_at_once(network: DALLE) -> None:
    tokens_RL, codes_RP = _padded(CAPTIONS, network), CODES_BP.repeat(2, 1)
    before = tokens_RL.clone(), codes_RP.clone()
    with torch.no_grad():
        whole_RPK = network.text_first(tokens_RL, codes_RP).code_logits_RPK
    torch.testing.assert_close(_drawn_logits(network, tokens_RL, codes_RP), whole_RPK, rtol=1e-4, atol=1e-5)
    assert torch.equal(tokens_RL, before[0])
    assert torch.equal(codes_RP, before[1])


def test_words_one_by_one_are_all_at_once(network: DALLE) -> None:
    tokens_NL, rows_N = _padded(CAPTIONS, network), torch.tensor([0, 0, 1, 1])
    with torch.no_grad():
        output = network.image_first(CODES_BP, tokens_NL, rows_N)
    if network.text.learned_padding:
        assert output.text_logits_WV.shape == (4 * 7, 12 + 7)
        assert output.targets_NL.shape == (4, 7)
        own = output.text_logits_WV.unflatten(0, (4, 7))[..., :12].log_softmax(dim=-1)
    else:
        assert output.text_logits_WV.shape == (sum(map(len, CAPTIONS)), 12)
        own = torch.zeros(4, 6, 12).masked_scatter(
            output.targets_NL.ne(PAD).unsqueeze(-1), output.text_logits_WV.log_softmax(dim=-1)
        )
    words_NL = tokens_NL[:, len(network.text.prefix) :]
    nats_NL = own[:, : words_NL.shape[1]].gather(2, words_NL.unsqueeze(-1)).squeeze(-1)
    expected_N = nats_NL.masked_fill(words_NL == PAD, 0).sum(dim=1)
    torch.testing.assert_close(_nats(network, CODES_BP[rows_N], CAPTIONS), expected_N, rtol=1e-4, atol=1e-5)


def test_a_batch_is_its_rows_one_by_one_whatever_their_padding(network: DALLE) -> None:
    tokens_RL, codes_RP = _padded(CAPTIONS, network, 7), CODES_BP.repeat(2, 1)
    together_RPK = _drawn_logits(network, tokens_RL, codes_RP)
    words_N = _nats(network, codes_RP, CAPTIONS, length=7)
    for n, caption in enumerate(CAPTIONS):
        alone_1PK = _drawn_logits(network, _padded([caption], network), codes_RP[n : n + 1])
        torch.testing.assert_close(alone_1PK[0], together_RPK[n], rtol=1e-4, atol=1e-5)
        alone_1 = _nats(network, codes_RP[n : n + 1], [caption])
        torch.testing.assert_close(alone_1[0], words_N[n], rtol=1e-4, atol=1e-5)


def test_nothing_but_attention_reads_the_padding_of_captions() -> None:
    network, num_read = tiny_dalle(), []
    network.transformer.layers[0].get_submodule("feedforward").register_forward_hook(
        lambda module, arguments, result: num_read.append(result[..., 0].numel())
    )
    tokens_NL, num_words = _padded(CAPTIONS, network, 7), sum(map(len, CAPTIONS))
    with torch.no_grad():
        network.image_first(CODES_BP, tokens_NL, torch.tensor([0, 0, 1, 1]))
        network.text_first(tokens_NL, CODES_BP.repeat(2, 1))
    # images of 4 codes begin with <image>; the last token of a caption is read where codes follow from it
    assert num_read == [2 * (1 + 4), num_words, num_words + 4, 4 * 4]


def test_an_image_is_read_by_the_sums_of_the_vectors_of_its_positions() -> None:
    network = tiny_dalle(vae=tiny_vae(grid=2, num_codebooks=2))
    codes_BP = torch.tensor([[0, 8, 1, 9, 7, 15, 3, 8]])  # of the second codebook, each other one
    table_KH = network.image.code_embedding(network.vae.code_vectors())
    x_BTH = network.image.read(codes_BP, table_KH, lambda: network.vae.decode(codes_BP))
    assert x_BTH.shape == (1, 1 + 4, 16)
    rows, columns = network.image.row_RH, network.image.column_CH
    expected_H = table_KH[3] + table_KH[16 + 8] + rows[1] + columns[2]  # second row, second position, of codes 2 and 3
    torch.testing.assert_close(x_BTH[0, 4], expected_H)


def test_each_code_of_a_position_is_predicted_by_rows_of_its_own() -> None:
    network = tiny_dalle(num_codebooks=4)
    tokens_RL, codes_RP = _padded(CAPTIONS, network), CODES_BP.repeat(2, 1)
    with torch.no_grad():
        before_RPK = network.text_first(tokens_RL, codes_RP).code_logits_RPK
        network.image.head.bias[16 * 2 : 16 * 3] += 1.5  # of the third codebook
        after_RPK = network.text_first(tokens_RL, codes_RP).code_logits_RPK
    assert before_RPK.shape == (4, 4, 16)
    raised_P = torch.tensor([0, 0, 1.5, 0])
    torch.testing.assert_close(after_RPK - before_RPK, raised_P.view(1, 4, 1).expand_as(before_RPK))


def test_rows_of_a_state_can_be_selected_and_repeated(network: DALLE) -> None:
    tokens_RL, rows = _padded(CAPTIONS, network), torch.tensor([3, 0, 0])
    with torch.no_grad():
        _, state = network.step_drawing(None, network.start_drawing(tokens_RL))
        codes_R = torch.tensor([4, 9, 9])
        logits_RK, _ = network.step_drawing(codes_R, state.select(rows))
        _, state = network.step_drawing(None, network.start_drawing(tokens_RL).select(rows))
        expected_RK, _ = network.step_drawing(codes_R, state)
    torch.testing.assert_close(logits_RK, expected_RK)
    torch.testing.assert_close(logits_RK[1], logits_RK[2])


def test_the_caption_without_a_word_tells_nothing_of_any(network: DALLE) -> None:
    null_1L = network.null_tokens()
    assert null_1L.tolist() == [[*network.text.prefix, EOS]]
    with torch.no_grad():
        logits_BPK = network.unconditional(CODES_BP)
        expected_BPK = network.text_first(null_1L.expand(2, -1), CODES_BP).code_logits_RPK
    torch.testing.assert_close(logits_BPK, expected_BPK)


def test_no_code_sees_itself_or_what_comes_after_it(network: DALLE) -> None:
    changed_BP = CODES_BP.clone()
    changed_BP[:, 2] = 11
    tokens_RL = _padded(CAPTIONS[:2], network)
    with torch.no_grad():
        one, other = (network.text_first(tokens_RL, codes).code_logits_RPK for codes in (CODES_BP, changed_BP))
    torch.testing.assert_close(one[:, :3], other[:, :3])
    assert not torch.allclose(one[:, 3], other[:, 3])


def test_everything_is_trained_but_the_discrete_vae(network: DALLE) -> None:
    network.train()
    image_first = network.image_first(CODES_BP, _padded(CAPTIONS, network), torch.tensor([0, 0, 1, 1]))
    text_first = network.text_first(_padded(CAPTIONS[:2], network), CODES_BP)
    (image_first.text_logits_WV.square().sum() + text_first.code_logits_RPK.square().sum()).backward()
    without = {name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum()}
    assert without == {name for name, _ in network.named_parameters() if name.startswith("vae.")}
    assert not any(module.training for module in network.vae.network.modules())


def test_a_code_reader_of_a_causal_condition_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"model\.condition=causal predicts each code .* choose model/code_reader=none"
    ):
        tiny_dalle(condition="causal", reader="convolutional")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"condition": "half"}, r"model\.condition must be full or causal, got half"),
        ({"padding": "left"}, r"model\.padding must be masked or learned, got left"),
        ({"num_positions": 1}, r"model\.num_positions must be above 1, the tokens before a caption, got 1"),
        ({"num_heads": 3}, r"model\.transformer\.num_heads must divide hidden_size=16, got 3"),
        ({"num_layers": 0}, r"model\.transformer\.num_layers must be at least 1, got 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_dalle(**settings)


def test_a_caption_that_is_too_long_is_refused() -> None:
    network = tiny_dalle(num_positions=5)
    with pytest.raises(ValueError, match=r"model\.num_positions=5 is too few for captions of 7 tokens"):
        network.start_drawing(_padded([CAPTIONS[2]], network))


@pytest.fixture(scope="module")
def reference() -> ReferenceDALLE:
    return ReferenceDALLE()


@torch.no_grad()
def test_with_its_weights_it_is_dalle_pytorch(reference: ReferenceDALLE) -> None:
    network = as_ours(reference)
    text_NL = torch.tensor([[3, 5, 2, 0, 0, 0], [7, 19, 4, 4, 8, 1], [1, 0, 0, 0, 0, 0], [0] * 6, [4, 4, 9, 2, 0, 0]])
    codes_NP = torch.randint(32, (5, 16), generator=torch.Generator().manual_seed(1))
    tokens_NL = network.text.with_prefix(text_NL)
    output = network.text_first(tokens_NL, codes_NP)
    assert output.text_logits_WV is not None
    text_logits_NLV, code_logits_NPK = reference.logits(text_NL, codes_NP)
    torch.testing.assert_close(output.text_logits_WV.view_as(text_logits_NLV), text_logits_NLV, rtol=0, atol=1e-4)
    torch.testing.assert_close(output.code_logits_RPK, code_logits_NPK, rtol=0, atol=1e-4)
    assert torch.equal(output.targets_RL, reference.padded(text_NL))
    losses = reference.losses(text_NL, codes_NP)
    text = cross_entropy(output.text_logits_WV, output.targets_RL.flatten())
    codes = cross_entropy(output.code_logits_RPK.transpose(1, 2), codes_NP)
    torch.testing.assert_close(text / 8 + codes * 7 / 8, losses.loss, rtol=0, atol=1e-5)
    drawn_NP = greedy_codes(network, tokens_NL)
    assert torch.equal(drawn_NP, reference.greedy_codes(text_NL))
    assert len(drawn_NP.unique()) > 3
