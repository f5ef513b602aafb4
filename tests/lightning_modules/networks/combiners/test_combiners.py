"""The contract of combiners, over every implementation, and each against values worked out by hand or brute force."""

import inspect
import math

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.networks import combiners
from lightning_modules.networks.combiners import (
    AddCombiner,
    AttentionCombiner,
    FiLMCombiner,
    GatedCombiner,
    MultCombiner,
)

EXPORTED = [getattr(combiners, name) for name in combiners.__all__]
IMPLEMENTATIONS = [kind for kind in EXPORTED if not inspect.isabstract(kind)]
STYLE_NS = torch.tensor([[2.0]])
CONTENT_NC = torch.tensor([[1.0, -1.0]])


def _set(layer: nn.Linear, weight: list[list[float]], bias: list[float]) -> None:
    layer.weight.data = torch.tensor(weight)
    layer.bias.data = torch.tensor(bias)


def _by_hand(kind: type[AddCombiner | MultCombiner | GatedCombiner]) -> AddCombiner | MultCombiner | GatedCombiner:
    """A combiner whose projected codes are [3, 6] for style and [1, -4] for content."""
    combiner = kind(style_dim=1, content_dim=2, context_dim=2)
    _set(combiner.style, [[1.0], [2.0]], [1.0, 2.0])
    _set(combiner.content, [[2.0, 1.0], [-1.0, 3.0]], [0.0, 0.0])
    return combiner


@pytest.mark.parametrize("kind", IMPLEMENTATIONS)
class TestContract:
    def test_joins_both_codes_of_each_caption(self, kind: type[AddCombiner]) -> None:
        combiner = kind(style_dim=3, content_dim=5, context_dim=8)
        style_NS, content_NC = torch.randn(4, 3), torch.randn(4, 5)
        context_NX = combiner(style_NS, content_NC)
        assert context_NX.shape == (4, combiner.context_dim) == (4, 8)
        torch.testing.assert_close(combiner(style_NS[2:3], content_NC[2:3]), context_NX[2:3])

    @pytest.mark.parametrize("which", ["style", "content"])
    def test_both_codes_matter_and_learn(self, kind: type[AddCombiner], which: str) -> None:
        combiner = kind(style_dim=3, content_dim=5, context_dim=8)
        codes = {"style": torch.randn(4, 3, requires_grad=True), "content": torch.randn(4, 5, requires_grad=True)}
        before_NX = combiner(codes["style"], codes["content"])
        before_NX.square().sum().backward()
        grad = codes[which].grad
        assert grad is not None
        assert (grad.abs().sum(dim=1) > 0).all()
        assert all(parameter.grad is not None for parameter in combiner.parameters())


def test_add_by_hand() -> None:
    torch.testing.assert_close(_by_hand(AddCombiner)(STYLE_NS, CONTENT_NC), torch.tensor([[4.0, 2.0]]))


def test_mult_by_hand() -> None:
    torch.testing.assert_close(_by_hand(MultCombiner)(STYLE_NS, CONTENT_NC), torch.tensor([[3.0, -24.0]]))


def test_gated_by_hand() -> None:
    combiner = _by_hand(GatedCombiner)
    assert isinstance(combiner, GatedCombiner)
    _set(combiner.gate, [[0.0, 0.0, 0.0], [0.5, 1.0, 1.0]], [0.0, math.log(3) - 1.0])  # gates ½ and ¾
    torch.testing.assert_close(combiner(STYLE_NS, CONTENT_NC), torch.tensor([[0.5 * 3 + 0.5, 0.75 * 6 - 0.25 * 4]]))


def test_film_by_hand() -> None:
    combiner = FiLMCombiner(style_dim=1, content_dim=2, context_dim=2)
    _set(combiner.content, [[2.0, 1.0], [-1.0, 3.0]], [0.0, 0.0])
    _set(combiner.scale_and_shift, [[1.0], [-1.0], [0.5], [3.0]], [0.0, 0.0, 0.0, 1.0])  # scale 2, -2; shift 1, 7
    torch.testing.assert_close(combiner(STYLE_NS, CONTENT_NC), torch.tensor([[3 * 1.0 + 1, -1 * -4.0 + 7]]))


def test_film_without_style_passes_content_on() -> None:
    combiner = FiLMCombiner(style_dim=3, content_dim=5, context_dim=4)
    nn.init.zeros_(combiner.scale_and_shift.bias)
    content_NC = torch.randn(2, 5)
    torch.testing.assert_close(combiner(torch.zeros(2, 3), content_NC), combiner.content(content_NC))


@torch.no_grad()
def test_attention_by_brute_force() -> None:
    combiner = AttentionCombiner(style_dim=3, content_dim=5, context_dim=4, num_slots=6)
    style_NS, content_NC = torch.randn(2, 3), torch.randn(2, 5)
    expected: list[Tensor] = []
    for style_S, content_C in zip(style_NS, content_NC, strict=True):
        query_X = combiner.query.weight @ style_S + combiner.query.bias
        slots_KX = (combiner.slots.weight @ content_C + combiner.slots.bias).view(6, 4)
        weights = [math.exp(float(query_X @ slot_X) / math.sqrt(4)) for slot_X in slots_KX]
        answer_X = sum(weight / sum(weights) * slot_X for weight, slot_X in zip(weights, slots_KX, strict=True))
        expected.append(query_X + answer_X)
    torch.testing.assert_close(combiner(style_NS, content_NC), torch.stack(expected))
