"""What every quantizer promises, over every implementation."""

import inspect
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from lightning_modules.networks import quantizers
from lightning_modules.networks.quantizers import (
    FiniteScalarQuantizer,
    GumbelQuantizer,
    Quantizer,
    VectorQuantizer,
)

WIDTH, PLACES = 6, 5
BUILDERS: dict[str, Callable[..., Quantizer]] = {
    "gumbel": partial(GumbelQuantizer, temperature=1.0, num_codes=7, code_dim=4),
    "gumbel, straight-through": partial(
        GumbelQuantizer, temperature=1.0, num_codes=7, code_dim=4, straight_through=True
    ),
    "vq": partial(VectorQuantizer, num_codes=7, code_dim=4),
    "vq, two codebooks": partial(VectorQuantizer, num_codes=7, num_codebooks=2, code_dim=4),
    "fsq": partial(FiniteScalarQuantizer, levels=[4, 3], code_dim=4),
}


@pytest.fixture(params=BUILDERS)
def quantizer(request: pytest.FixtureRequest) -> Quantizer:
    torch.manual_seed(0)
    return BUILDERS[request.param](width=WIDTH)


def _grid() -> Tensor:
    return 2 * torch.randn(3, PLACES, WIDTH)


def test_every_implementation_is_tested() -> None:
    exported = {getattr(quantizers, name) for name in quantizers.__all__}
    kinds = {kind for kind in exported if isinstance(kind, type) and issubclass(kind, Quantizer)}
    assert {builder.func for builder in BUILDERS.values() if isinstance(builder, partial)} == {
        kind for kind in kinds if not inspect.isabstract(kind)
    }


def test_shapes_and_ranges(quantizer: Quantizer) -> None:
    for training in (True, False):
        quantized = quantizer.train(training)(_grid(), 0)
        assert quantized.vectors_BPE.shape == (3, PLACES, quantizer.code_dim) == (3, PLACES, 4)
        assert quantized.codes_BP.shape == (3, PLACES * quantizer.codes_per_position)
        assert quantized.codes_BP.dtype == torch.int64
        assert 0 <= quantized.codes_BP.min() <= quantized.codes_BP.max() < quantizer.num_codes
        assert quantized.cost_B.shape == (3,)
        assert (quantized.cost_B >= 0).all()
        assert (quantizer.cost_name is None) == (not quantized.cost_B.any())
        assert all(value.numel() == 1 for value in quantized.logged.values())


def test_evaluation_is_the_vectors_of_the_codes_and_changes_nothing(quantizer: Quantizer) -> None:
    quantizer.train()(_grid(), 0)
    before = {name: tensor.clone() for name, tensor in quantizer.eval().state_dict().items()}
    grid_BPD = _grid()
    first, second = quantizer(grid_BPD, 3), quantizer(grid_BPD, 4)
    assert torch.equal(first.vectors_BPE, quantizer.vectors(first.codes_BP))
    assert torch.equal(first.codes_BP, quantizer.codes(grid_BPD))
    assert torch.equal(first.vectors_BPE, second.vectors_BPE)
    assert all(torch.equal(tensor, before[name]) for name, tensor in quantizer.state_dict().items())


def test_the_vector_of_a_position_is_the_sum_of_those_of_its_codes(quantizer: Quantizer) -> None:
    quantizer.train()(_grid(), 0)
    quantized = quantizer.eval()(_grid(), 0)
    table_KE = quantizer.code_vectors()
    each = quantizer.codes_per_position
    assert table_KE.shape == (each * quantizer.num_codes, 4)
    rows_BPR = quantized.codes_BP.view(3, PLACES, each) + quantizer.num_codes * torch.arange(each)
    torch.testing.assert_close(table_KE[rows_BPR].sum(dim=2), quantized.vectors_BPE)


def test_an_image_does_not_depend_on_those_beside_it(quantizer: Quantizer) -> None:
    quantizer.train()(_grid(), 0)
    grid_BPD = _grid()
    together, alone = quantizer.eval()(grid_BPD, 0), quantizer(grid_BPD[1:2], 0)
    assert torch.equal(alone.codes_BP, together.codes_BP[1:2])
    torch.testing.assert_close(alone.vectors_BPE, together.vectors_BPE[1:2])
    torch.testing.assert_close(alone.cost_B, together.cost_B[1:2])


def test_gradients_reach_the_features_and_all_parameters(quantizer: Quantizer) -> None:
    grid_BPD = (0.1 * _grid()).requires_grad_()
    quantized = quantizer.train()(grid_BPD, 1)
    (quantized.vectors_BPE.square().sum() + quantized.cost_B.sum()).backward()
    assert grid_BPD.grad is not None
    assert (grid_BPD.grad.abs().sum(dim=-1) > 0).all()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in quantizer.parameters())


def test_all_is_float32_also_where_the_rest_is_not(quantizer: Quantizer) -> None:
    grid_BPD = _grid().bfloat16()
    expected = quantizer.eval()(grid_BPD.float(), 0)
    with torch.autocast("cpu", torch.bfloat16):
        quantized = quantizer(grid_BPD, 0)
    assert quantized.vectors_BPE.dtype == quantized.cost_B.dtype == torch.float32
    assert torch.equal(quantized.codes_BP, expected.codes_BP)
    assert torch.equal(quantized.cost_B, expected.cost_B)
    with torch.autocast("cpu", torch.bfloat16):
        assert quantizer.train()(grid_BPD, 0).vectors_BPE.dtype == torch.float32


def test_all_but_the_relaxed_read_a_codes_vector_in_training_too(quantizer: Quantizer) -> None:
    grid_BPD = _grid()
    quantizer.train()(grid_BPD, 0)
    before = quantizer.codes(grid_BPD)
    vectors_BPE = quantizer.vectors(before)
    read_BPE = quantizer(grid_BPD, 1).vectors_BPE
    relaxed_BPE = quantizer.relaxed(grid_BPD, 1)
    assert (relaxed_BPE is None) == (not isinstance(quantizer, GumbelQuantizer))
    if relaxed_BPE is None:
        torch.testing.assert_close(read_BPE, vectors_BPE)
