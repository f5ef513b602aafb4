"""The whole network: images to codes and back, with every kind of encoder; and frozen within another model."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.build import assemble_discrete_vae
from lightning_modules.networks.discrete_vae import DiscreteVAE, FrozenDiscreteVAE

NETWORKS = "lightning_modules.networks"
ENCODERS: dict[str, dict[str, Any]] = {
    "strided": {"_target_": f"{NETWORKS}.encoders.StridedEncoder", "hidden_size": 6},
    "resnet": {"_target_": f"{NETWORKS}.encoders.ResNetEncoder", "base_width": 4},
    "timm": {
        "_target_": f"{NETWORKS}.encoders.TimmEncoder",
        "backbone": "test_efficientnet",
        "weights": None,
        "memory_dim": 8,
    },
}
QUANTIZERS: dict[str, dict[str, Any]] = {
    "fsq": {"_target_": f"{NETWORKS}.quantizers.FiniteScalarQuantizer", "levels": [4, 3], "code_dim": 5},
    "vq": {"_target_": f"{NETWORKS}.quantizers.VectorQuantizer", "num_codes": 12, "code_dim": 5},
    "gumbel": {
        "_target_": f"{NETWORKS}.quantizers.GumbelQuantizer",
        "temperature": 1.0,
        "num_codes": 12,
        "code_dim": 5,
    },
}


def _network(encoder: str = "strided", quantizer: str = "fsq", reconstruction: str = "gaussian") -> DiscreteVAE:
    torch.manual_seed(0)
    decoder = {"_target_": f"{NETWORKS}.grid_decoders.StridedGridDecoder", "hidden_size": 6}
    return assemble_discrete_vae(
        encoder=ENCODERS[encoder],
        quantizer=QUANTIZERS[quantizer],
        grid_decoder=decoder,
        reconstruction=reconstruction,
        image_size=64,
    )


def _images(count: int = 3, size: int = 64) -> Tensor:
    return torch.randint(256, (count, 3, size, size), dtype=torch.uint8)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_codes_of_images_become_images_between_zero_and_one(encoder: str, quantizer: str) -> None:
    network, images_BCHW = _network(encoder, quantizer).train(), _images()
    output = network(images_BCHW, 0)
    output.outputs_BXHW.square().sum().backward()
    network.eval()
    rows, columns = network.grid_size
    codes_BP = network.encode(images_BCHW)
    assert codes_BP.shape == (3, rows * columns)
    assert network.vectors(codes_BP).shape == (3, rows * columns, network.code_dim) == (3, rows * columns, 5)
    assert codes_BP.max() < network.num_codes == 12
    drawn_BCHW = network.decode(codes_BP)
    assert drawn_BCHW.shape == (3, 3, 64, 64)
    assert 0 <= drawn_BCHW.min() <= drawn_BCHW.max() <= 1
    evaluated = network(images_BCHW, 0)
    assert torch.equal(evaluated.quantized.codes_BP, codes_BP)
    torch.testing.assert_close(network.pixels.images(evaluated.outputs_BXHW), drawn_BCHW)


def test_images_of_training_are_there_only_where_it_reads_more_than_codes() -> None:
    images_BCHW = _images()
    for quantizer in QUANTIZERS:
        relaxed_BCHW = _network(quantizer=quantizer).eval().relaxed_images(images_BCHW, 5)
        assert (relaxed_BCHW is not None) == (quantizer == "gumbel")


def test_features_of_any_scale_are_normalised() -> None:
    assert isinstance(_network().norm, nn.Identity)
    network = _network("timm").eval()
    features_BPD = network.features(_images())
    torch.testing.assert_close(features_BPD.mean(dim=-1), torch.zeros(3, features_BPD.shape[1]), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("reconstruction", "channels"), [("gaussian", 3), ("huber", 3), ("logit_laplace", 6)])
def test_the_decoder_has_the_outputs_that_the_loss_needs(reconstruction: str, channels: int) -> None:
    network = _network(reconstruction=reconstruction)
    assert network(_images(), 0).outputs_BXHW.shape == (3, channels, 64, 64)
    assert network.decode(network.encode(_images())).shape == (3, 3, 64, 64)


def test_refuses_an_unknown_loss_and_a_grid_that_is_no_square() -> None:
    with pytest.raises(ValueError, match=r"model.loss.reconstruction must be one of gaussian, huber, .* got 'mse'"):
        _network(reconstruction="mse")


@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_within_another_model_it_stays_as_it_is(quantizer: str) -> None:
    network, images_BCHW = _network(quantizer=quantizer).eval(), _images()
    expected_BP = network.encode(images_BCHW)
    frozen = FrozenDiscreteVAE(network)
    nn.Sequential(frozen).train()
    assert not frozen.network.training
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    codes_BP = frozen.codes(images_BCHW)
    assert torch.equal(codes_BP, expected_BP)
    assert torch.equal(frozen.vectors(codes_BP), network.vectors(codes_BP))
    assert torch.equal(frozen.decode(codes_BP), network.decode(codes_BP))
    assert (frozen.grid_size, frozen.num_codes, frozen.code_dim, frozen.image_size) == ((8, 8), 12, 5, 64)
    assert not frozen.vectors(codes_BP).requires_grad


def test_frozen_it_refuses_images_and_grids_of_another_size() -> None:
    frozen = FrozenDiscreteVAE(_network())
    with pytest.raises(ValueError, match=r"trained on images of 64×64 pixels, got 32×32; set data.image_size=64"):
        frozen.codes(_images(size=32))
    with pytest.raises(ValueError, match=r"expected 64 codes an image, for a grid of 8×8 .* shape \[1, 16\]"):
        frozen.decode(torch.zeros(1, 16).long())


@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_frozen_it_refuses_codes_of_another_codebook(quantizer: str) -> None:
    frozen = FrozenDiscreteVAE(_network(quantizer=quantizer))
    with pytest.raises(ValueError, match=r"expected codes from 0 to 11, got 0 to 12; encode the images with this"):
        frozen.decode(torch.arange(64).unsqueeze(0) % 13)
