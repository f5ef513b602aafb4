"""Finite scalar quantization against `vector_quantize_pytorch`, and every code there and back."""

import pytest
import torch
from vector_quantize_pytorch import FSQ

from lightning_modules.networks.quantizers import FiniteScalarQuantizer


@pytest.mark.parametrize("levels", [[8, 5, 5, 5], [8, 6, 5], [7, 5, 5, 5, 5], [3, 4]])
def test_codes_vectors_and_gradients_are_those_of_the_reference(levels: list[int]) -> None:
    ours = FiniteScalarQuantizer(width=9, levels=levels, code_dim=11)
    theirs = FSQ(levels=levels, dim=9)
    ours.projection.load_state_dict(theirs.project_in.state_dict())
    ours.expansion = theirs.project_out
    grid_BPD, gradients = 4 * torch.randn(3, 50, 9), []
    for training in (True, False):
        features = [grid_BPD.clone().requires_grad_() for _ in range(2)]
        expected_BPE, expected_BP = theirs(features[0])
        quantized = ours.train(training)(features[1], 0)
        assert torch.equal(quantized.codes_BP, expected_BP.long())
        torch.testing.assert_close(quantized.vectors_BPE, expected_BPE)
        assert len(expected_BP.unique()) > 5
    expected_BPE.square().sum().backward()
    ours.train()(features[1], 0).vectors_BPE.square().sum().backward()
    gradients = [tensor.grad for tensor in features]
    torch.testing.assert_close(*gradients)


def test_every_code_comes_back_from_its_levels() -> None:
    quantizer = FiniteScalarQuantizer(width=4, levels=[8, 5, 5, 5]).eval()
    codes_BP = torch.arange(quantizer.num_codes).view(10, 100)
    assert quantizer.num_codes == 1000
    levels_BPd = quantizer.levels_of(codes_BP)
    assert levels_BPd.flatten(0, 1).unique(dim=0).shape == (1000, 4)
    assert levels_BPd.amin(dim=(0, 1)).tolist() == [-4, -2, -2, -2]
    assert levels_BPd.amax(dim=(0, 1)).tolist() == [3, 2, 2, 2]
    with torch.no_grad():  # features that are the levels before the bound
        numbers_BPd = ((levels_BPd + quantizer.offsets) / quantizer.bounds).atanh() - quantizer.shifts
        quantizer.projection.weight.copy_(torch.eye(4))
        quantizer.projection.bias.zero_()
        assert torch.equal(quantizer.codes(numbers_BPd), codes_BP)


def test_numbers_far_out_are_counted() -> None:
    quantizer = FiniteScalarQuantizer(width=2, levels=[5, 5])
    with torch.no_grad():
        quantizer.projection.weight.copy_(torch.eye(2))
        quantizer.projection.bias.zero_()
    grid_BPD = torch.tensor([[[4.0, 0.0], [-3.5, 1.0]]])
    assert quantizer.train()(grid_BPD, 0).logged["saturated"].item() == 0.5


@pytest.mark.parametrize("levels", [[], [8, 2]])
def test_refuses_too_few_levels(levels: list[int]) -> None:
    with pytest.raises(ValueError, match=r"model.quantizer.levels must be numbers of levels of at least 3 each, got"):
        FiniteScalarQuantizer(width=2, levels=levels)
