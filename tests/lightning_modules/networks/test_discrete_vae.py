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
    "residual": {
        "_target_": f"{NETWORKS}.quantizers.VectorQuantizer",
        "num_codes": 12,
        "num_codebooks": 2,
        "code_dim": 5,
    },
    "gumbel": {
        "_target_": f"{NETWORKS}.quantizers.GumbelQuantizer",
        "temperature": 1.0,
        "num_codes": 12,
        "code_dim": 5,
    },
}


def _network(
    encoder: str = "strided",
    quantizer: str = "fsq",
    reconstruction: str = "gaussian",
    *,
    decodes_features: bool = False,
) -> DiscreteVAE:
    torch.manual_seed(0)
    decoder = {"_target_": f"{NETWORKS}.grid_decoders.StridedGridDecoder", "hidden_size": 6}
    return assemble_discrete_vae(
        encoder=ENCODERS[encoder],
        quantizer=QUANTIZERS[quantizer],
        grid_decoder=decoder,
        reconstruction=reconstruction,
        image_size=64,
        decodes_features=decodes_features,
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
    assert columns == rows * network.codes_per_position
    assert network.vectors(codes_BP).shape == (3, rows * rows, network.code_dim) == (3, rows * rows, 5)
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
    each = 2 if quantizer == "residual" else 1
    assert (frozen.grid_size, frozen.codes_per_position, frozen.num_codes) == ((8, 8 * each), each, 12)
    assert (frozen.code_dim, frozen.image_size) == (5, 64)
    assert torch.equal(frozen.code_vectors(), network.code_vectors())
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
    rows, columns = frozen.grid_size
    with pytest.raises(ValueError, match=r"expected codes from 0 to 11, got 0 to 12; encode the images with this"):
        frozen.decode(torch.arange(rows * columns).unsqueeze(0) % 13)


def test_features_are_decoded_by_option_from_the_vectors_of_codes() -> None:
    network, images_BCHW = _network("timm", "residual", decodes_features=True).eval(), _images()
    output = network(images_BCHW, 0)
    assert output.decoded_BPD is not None
    assert output.features_BPD is not None
    assert network.feature_decoder is not None
    torch.testing.assert_close(output.features_BPD, network.features(images_BCHW))  # at the start the norm is plain
    expected_BPD = network.feature_decoder(network.vectors(network.encode(images_BCHW)))
    torch.testing.assert_close(output.decoded_BPD, expected_BPD)
    network.train()(images_BCHW, 0).decoded_BPD.square().sum().backward()
    assert network.quantizer.get_submodule("projection").get_parameter("weight").grad is not None
    with torch.no_grad():
        network.norm.get_parameter("weight").mul_(3)  # what is decoded must not follow what the quantizer reads
    torch.testing.assert_close(network(images_BCHW, 0).features_BPD, output.features_BPD)
    assert _network("timm")(images_BCHW, 0).decoded_BPD is None


def test_frozen_it_is_the_same_network_whether_it_was_trained_to_decode_features() -> None:
    names = [
        FrozenDiscreteVAE(_network("timm", decodes_features=decodes)).state_dict().keys() for decodes in (True, False)
    ]
    assert names[0] == names[1]  # so that settings without the loss are enough to build it again


def test_features_of_an_encoder_that_is_trained_are_not_decoded() -> None:
    with pytest.raises(ValueError, match=r"model.loss.features_weight is for a frozen encoder.* model.encoder.frozen"):
        _network("resnet", decodes_features=True)
