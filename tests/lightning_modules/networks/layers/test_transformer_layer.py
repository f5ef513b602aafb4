"""The layer: as it was by default, its options, and parity with a layer of DALLE-pytorch.

Shape legend: N captions, L tokens, T tokens read so far, H hidden, K heads, h width of a head.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.networks.attentions import MultiHeadAttention, attend
from lightning_modules.networks.layers.dropout import Dropout
from lightning_modules.networks.layers.transformer_layer import TransformerLayer
from tests.reference_dalle.conversion import LAYER, layer_weights
from tests.reference_dalle.model import ReferenceDALLE

SIZES: dict[str, Any] = {"hidden_size": 8, "num_heads": 2, "feedforward_size": 12}
NOTHING_NKThh = torch.zeros(3, 2, 0, 8)
X_NLH = torch.linspace(-2, 8, 3 * 5 * 8).view(3, 5, 8).sin()
OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "no bias": {"bias": False},
    "gated": {"feedforward": "geglu"},
    "scaled": {"layer_scale": 0.1},
    "all": LAYER,
}


class LayerBefore(nn.Module):
    """The layer without options, written down once more: parameters in the same order, and the same steps."""

    def __init__(self, dropout: float, cross_attention: nn.Module | None) -> None:
        super().__init__()
        self.norm_words = nn.LayerNorm(8)
        self.query_key_value = nn.Linear(8, 24)
        self.out = nn.Linear(8, 8)
        self.cross_attention = cross_attention
        self.norm_feedforward = nn.LayerNorm(8)
        self.feedforward = nn.Sequential(nn.Linear(8, 12), nn.GELU(), nn.Linear(12, 8))
        self.dropout = Dropout(dropout)

    def forward(self, x_NLH: Tensor, read_NKThh: Tensor, memory: Any) -> tuple[Tensor, Tensor]:
        by_head_NKLhhh = self.query_key_value(self.norm_words(x_NLH)).unflatten(-1, (2, -1)).transpose(1, 2)
        query_NKLh, new_NKLhh = by_head_NKLhhh.split([4, 8], dim=-1)
        read_NKThh = torch.cat([read_NKThh, new_NKLhh], dim=2)
        key_NKTh, value_NKTh = read_NKThh.chunk(2, dim=-1)
        new, everything = x_NLH.shape[1], read_NKThh.shape[2]
        later_LT = (
            torch.ones(new, everything, dtype=torch.bool).triu(diagonal=everything - new + 1) if new > 1 else None
        )
        x_NLH = x_NLH + self.dropout(self.out(attend(query_NKLh, key_NKTh, value_NKTh, later_LT)))
        if self.cross_attention is not None:
            x_NLH = self.cross_attention(x_NLH, memory)
        return x_NLH + self.dropout(self.feedforward(self.norm_feedforward(x_NLH))), read_NKThh


def _look(present: bool) -> MultiHeadAttention | None:
    return MultiHeadAttention(width=6, positions=4, hidden_size=8, num_heads=2) if present else None


@pytest.mark.parametrize("looks", [False, True])
def test_by_default_it_is_what_it_was_to_the_last_bit(looks: bool) -> None:
    outcomes = []
    for kind in (LayerBefore, TransformerLayer):
        torch.manual_seed(5)
        settings: dict[str, Any] = {"dropout": 0.2, "cross_attention": _look(looks)}
        layer = LayerBefore(**settings) if kind is LayerBefore else TransformerLayer(**SIZES, **settings)
        attention: Any = layer.cross_attention
        memory = attention.project_memory(torch.ones(3, 4, 6).cumsum(dim=0)) if looks else None
        y_NLH, read_NKThh = layer(X_NLH, NOTHING_NKThh, memory)
        next_NLH, _ = layer(X_NLH[:, :1], read_NKThh, memory)
        (y_NLH.square().sum() + next_NLH.sum()).backward()
        gradients = {name: parameter.grad for name, parameter in layer.named_parameters()}
        outcomes.append((layer.state_dict(), {"y": y_NLH, "next": next_NLH, "read": read_NKThh}, gradients))
    for before, now in zip(*outcomes, strict=True):
        assert [*before] == [*now]
        for name in before:
            assert torch.equal(before[name], now[name])


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_reading_all_words_at_once_is_reading_them_one_at_a_time(options: dict[str, Any]) -> None:
    torch.manual_seed(6)
    layer = TransformerLayer(**SIZES, dropout=0.0, cross_attention=None, **options)
    at_once_NLH, all_NKThh = layer(X_NLH, NOTHING_NKThh, None)
    read_NKThh, one_by_one = NOTHING_NKThh, []
    for t in range(5):
        y_N1H, read_NKThh = layer(X_NLH[:, t : t + 1], read_NKThh, None)
        one_by_one.append(y_N1H)
    torch.testing.assert_close(torch.cat(one_by_one, dim=1), at_once_NLH)
    torch.testing.assert_close(read_NKThh, all_NKThh)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_everything_learns(options: dict[str, Any]) -> None:
    layer = TransformerLayer(**SIZES, dropout=0.0, cross_attention=None, **options)
    layer(X_NLH, NOTHING_NKThh, None)[0].square().sum().backward()
    assert [name for name, p in layer.named_parameters() if p.grad is None or p.grad.abs().sum() == 0] == []


def test_options_are_what_they_say() -> None:
    layer = TransformerLayer(**SIZES, dropout=0.0, cross_attention=None, **OPTIONS["all"])
    assert layer.query_key_value.bias is None
    gates_HF, values_HF = layer.feedforward[0].weight[12:], layer.feedforward[0].weight[:12]
    assert gates_HF.shape == values_HF.shape == (12, 8)
    scales = [parameter for name, parameter in layer.named_parameters() if name.startswith("scale_")]
    assert [[*scale.shape] for scale in scales] == [[8], [8]]
    for scale in scales:
        torch.testing.assert_close(scale.detach(), torch.full((8,), 0.1))
        scale.detach().zero_()
    assert torch.equal(layer(X_NLH, NOTHING_NKThh, None)[0], X_NLH)  # nothing is added


def test_an_unknown_feedforward_network_is_refused() -> None:
    with pytest.raises(ValueError, match=r"model.transformer.feedforward must be gelu or geglu, got relu"):
        TransformerLayer(**SIZES, dropout=0.0, cross_attention=None, feedforward="relu")  # type: ignore[arg-type]


@torch.no_grad()
def test_with_its_options_it_is_a_layer_of_dalle_pytorch() -> None:
    transformer = ReferenceDALLE(hidden_size=48, num_heads=2, depth=2).model.transformer
    x_NLH = torch.randn(3, 22, 48, generator=torch.Generator().manual_seed(2))
    expected_NLH = transformer(x_NLH)
    for theirs in transformer.layers.layers:
        layer = TransformerLayer(
            hidden_size=48, num_heads=2, feedforward_size=4 * 48, dropout=0.0, cross_attention=None, **OPTIONS["all"]
        )
        layer.load_state_dict(layer_weights(theirs, num_heads=2))
        before_NLH = x_NLH
        x_NLH, _ = layer(x_NLH, torch.zeros(3, 2, 0, 48), None)
        assert (x_NLH - before_NLH).abs().max() > 0.1
    torch.testing.assert_close(x_NLH, expected_NLH, rtol=1e-5, atol=1e-5)
