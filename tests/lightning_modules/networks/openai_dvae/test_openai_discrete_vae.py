"""Parity with the `dall_e` package, the shapes of the published network, and what it refuses.

Shape legend: B images, C channels, H rows, W columns, P = positions of the code grid, K codes.
"""

from typing import Any

import dall_e
import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from lightning_modules.networks.openai_dvae import OpenAIDecoder, OpenAIDiscreteVAE, OpenAIEncoder
from tests.lightning_modules.networks.openai_dvae.published import (
    IMAGE_SIZE,
    NUM_CODES,
    SIZES,
    published_pair,
    small_vae,
    weights_of,
)

Pair = tuple[Any, Any]


@pytest.fixture(scope="module")
def pair() -> Pair:
    return published_pair()


@pytest.fixture(scope="module")
def vae(pair: Pair) -> OpenAIDiscreteVAE:
    vae = small_vae()
    vae.load_state_dict(weights_of(*pair))
    return vae


@pytest.fixture(scope="module")
def images_BCHW() -> Tensor:
    """Colour gradients with noise: codes differ from position to position."""
    torch.manual_seed(0)
    coarse_BCHW = torch.rand(4, 3, 5, 5) * 255
    fine_BCHW = torch.nn.functional.interpolate(coarse_BCHW, size=IMAGE_SIZE, mode="bilinear")
    return (fine_BCHW + 40 * torch.randn_like(fine_BCHW)).clamp(0, 255).to(torch.uint8)


def _their_logits(encoder: Any, images_BCHW: Tensor) -> Tensor:
    logits_BKHW: Tensor = encoder(dall_e.map_pixels(images_BCHW / 255))
    return logits_BKHW


def _their_parameters(decoder: Any, codes_BP: Tensor) -> Tensor:
    codes_BHW = codes_BP.unflatten(1, (5, 5))
    parameters_BCHW: Tensor = decoder(one_hot(codes_BHW, NUM_CODES).permute(0, 3, 1, 2).float())
    return parameters_BCHW


def test_codes_are_those_of_the_package(pair: Pair, vae: OpenAIDiscreteVAE, images_BCHW: Tensor) -> None:
    logits_BKP = _their_logits(pair[0], images_BCHW).flatten(2)
    features_BPD = vae.encoder(images_BCHW)
    assert features_BPD.shape == (4, vae.encoder.positions, vae.encoder.width) == (4, 25, 512)
    torch.testing.assert_close(vae.encoder.logits(features_BPD), logits_BKP.transpose(1, 2), rtol=1e-5, atol=1e-5)
    codes_BP = vae.encode(images_BCHW)
    assert torch.equal(codes_BP, logits_BKP.argmax(dim=1))
    assert len(codes_BP.unique()) >= 8


def test_pictures_are_those_of_the_package(pair: Pair, vae: OpenAIDiscreteVAE, images_BCHW: Tensor) -> None:
    codes_BP = vae.encode(images_BCHW)
    parameters_BCHW = _their_parameters(pair[1], codes_BP)
    torch.testing.assert_close(vae.decoder(vae.vectors(codes_BP)), parameters_BCHW, rtol=1e-5, atol=1e-5)
    pictures_BCHW = vae.decode(codes_BP)
    expected_BCHW = dall_e.unmap_pixels(parameters_BCHW[:, :3].sigmoid())
    torch.testing.assert_close(pictures_BCHW, expected_BCHW, rtol=1e-5, atol=1e-5)
    assert pictures_BCHW.shape == images_BCHW.shape
    assert pictures_BCHW.std() > 0.1
    assert pictures_BCHW.min() >= 0
    assert pictures_BCHW.max() <= 1


def test_a_lookup_is_the_convolution_over_one_hot_codes(pair: Pair, vae: OpenAIDiscreteVAE) -> None:
    codes_BP = torch.arange(NUM_CODES).view(4, -1)
    one_hot_BKP1 = one_hot(codes_BP, NUM_CODES).transpose(1, 2).unsqueeze(-1).float()
    convolved_BPE = pair[1].blocks.input(one_hot_BKP1).squeeze(-1).transpose(1, 2)
    assert torch.equal(vae.vectors(codes_BP), convolved_BPE)
    assert torch.equal(vae.vectors(codes_BP.int()), convolved_BPE)  # as codes are cached


def test_an_image_does_not_depend_on_those_beside_it(vae: OpenAIDiscreteVAE, images_BCHW: Tensor) -> None:
    codes_BP = vae.encode(images_BCHW)
    assert torch.equal(vae.encode(images_BCHW[1:]), codes_BP[1:])
    torch.testing.assert_close(vae.decode(codes_BP[1:]), vae.decode(codes_BP)[1:])


def test_positions_are_row_by_row(vae: OpenAIDiscreteVAE, images_BCHW: Tensor) -> None:
    changed_BCHW = images_BCHW.clone()
    changed_BCHW[:, :, :8, -8:] = 255 - changed_BCHW[:, :, :8, -8:]  # the top right position, the fifth
    change_P = (vae.encoder(changed_BCHW) - vae.encoder(images_BCHW)).square().sum(dim=(0, 2))
    assert change_P.argmax() == 4
    codes_BP = vae.encode(images_BCHW)
    other_BP = codes_BP.clone()
    other_BP[:, 4] = (other_BP[:, 4] + 1) % NUM_CODES
    change_HW = (vae.decode(other_BP) - vae.decode(codes_BP)).square().sum(dim=(0, 1))
    row, column = divmod(int(change_HW.argmax()), IMAGE_SIZE)
    assert row < 8
    assert column >= 32


def test_it_is_frozen(vae: OpenAIDiscreteVAE, images_BCHW: Tensor) -> None:
    assert vae.encoder.frozen
    assert not any(parameter.requires_grad for parameter in vae.parameters())
    vectors_BPE = vae.vectors(vae.encode(images_BCHW)).requires_grad_()
    vae.decoder(vectors_BPE).sum().backward()  # what is behind it can still be trained through it
    assert vectors_BPE.grad is not None
    assert vectors_BPE.grad.abs().sum() > 0


def test_the_convolutions_over_codes_stay_in_float32_under_autocast(
    pair: Pair, vae: OpenAIDiscreteVAE, images_BCHW: Tensor
) -> None:
    codes_BP = vae.encode(images_BCHW)
    inner: list[torch.dtype] = []
    blocks = [part.blocks.get_submodule("group_1.block_1") for part in (vae.encoder, vae.decoder)]
    hooks = [block.register_forward_hook(lambda _, __, output: inner.append(output.dtype)) for block in blocks]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features_BPD = vae.encoder(images_BCHW)
        logits_BPK = vae.encoder.logits(features_BPD)
        vectors_BPE = vae.vectors(codes_BP)
        pictures_BCHW = vae.decode(codes_BP)
    for hook in hooks:
        hook.remove()
    assert inner == [torch.bfloat16, torch.bfloat16]
    assert features_BPD.dtype == torch.bfloat16
    assert logits_BPK.dtype == vectors_BPE.dtype == pictures_BCHW.dtype == torch.float32
    assert torch.equal(logits_BPK, vae.encoder.logits(features_BPD.float()))
    assert torch.equal(vectors_BPE, vae.vectors(codes_BP))
    torch.testing.assert_close(pictures_BCHW, vae.decode(codes_BP), rtol=0, atol=0.05)


def test_weights_start_small_enough_to_keep_the_scale_and_biases_at_zero() -> None:
    """As in the package: normal with variance 1 / (in · size²)."""
    for name, tensor in small_vae().state_dict().items():
        if name.endswith(".b"):
            assert not tensor.any()
        else:
            assert tensor.std() * tensor[0].numel() ** 0.5 == pytest.approx(1, rel=0.15)


def _published_shapes(part: str) -> dict[str, list[int]]:
    """The tensors of the published files, of Ramesh et al. (2021), appendix A, as the `dall_e` package builds them."""
    widths, kernels = {
        "encoder": ((256, 256, 512, 1024, 2048), (3, 3, 3, 1)),
        "decoder": ((128, 2048, 1024, 512, 256), (1, 3, 3, 3)),
    }[part]
    convolutions = {"input": (3, 256, 7)} if part == "encoder" else {"input": (8192, 128, 1)}
    for group in (1, 2, 3, 4):
        for block in (1, 2):
            within, without = (widths[group - 1] if block == 1 else widths[group]), widths[group]
            inner, name = without // 4, f"group_{group}.block_{block}"
            if within != without:
                convolutions[f"{name}.id_path"] = (within, without, 1)
            steps = ((within, inner), (inner, inner), (inner, inner), (inner, without))
            for number, (channels, kernel) in enumerate(zip(steps, kernels, strict=True), start=1):
                convolutions[f"{name}.res_path.conv_{number}"] = (*channels, kernel)
    convolutions["output.conv"] = (2048, 8192, 1) if part == "encoder" else (256, 6, 1)
    shapes = {f"blocks.{name}.w": [n_out, n_in, size, size] for name, (n_in, n_out, size) in convolutions.items()}
    return shapes | {f"blocks.{name}.b": [n_out] for name, (_, n_out, _) in convolutions.items()}


@pytest.mark.parametrize(("part", "tensors", "numbers"), [("encoder", 74, 53_786_240), ("decoder", 76, 43_829_766)])
def test_names_and_shapes_are_the_published_ones(part: str, tensors: int, numbers: int) -> None:
    expected = _published_shapes(part)
    assert len(expected) == tensors
    assert expected["blocks.group_1.block_1.res_path.conv_4.w"] == (
        [256, 64, 1, 1] if part == "encoder" else [2048, 512, 3, 3]
    )
    with torch.device("meta"):
        network = getattr(OpenAIDiscreteVAE(image_size=256), part)
        theirs = (dall_e.Encoder if part == "encoder" else dall_e.Decoder)(device=torch.device("meta"))
    state = network.state_dict()
    assert {name: [*tensor.shape] for name, tensor in state.items()} == expected
    assert {name: [*tensor.shape] for name, tensor in theirs.state_dict().items()} == expected
    assert sum(tensor.numel() for tensor in state.values()) == numbers


def test_the_published_sizes_have_1024_codes_of_8192() -> None:
    with torch.device("meta"):
        vae = OpenAIDiscreteVAE(image_size=256)
        features_BPD = vae.encoder(torch.empty(2, 3, 256, 256, dtype=torch.uint8))
        vectors_BPE = vae.vectors(torch.empty(2, 1024, dtype=torch.long))
        parameters_BCHW = vae.decoder(vectors_BPE)
    assert features_BPD.shape == (2, 1024, 2048)
    assert vectors_BPE.shape == (2, 1024, 128)
    assert parameters_BCHW.shape == (2, 6, 256, 256)
    assert (vae.grid_size, vae.num_codes, vae.code_dim) == ((32, 32), 8192, 128)


@pytest.mark.parametrize("image_size", [8, 24, 64])
def test_images_of_a_multiple_of_8_pixels_are_taken(image_size: int) -> None:
    vae = OpenAIDiscreteVAE(image_size=image_size, hidden_size=4, code_dim=2, num_codes=3, blocks_per_group=1)
    codes_BP = vae.encode(torch.zeros(1, 3, image_size, image_size, dtype=torch.uint8))
    assert codes_BP.shape == (1, vae.encoder.positions) == (1, (image_size // 8) ** 2)
    assert vae.decode(codes_BP).shape == (1, 3, image_size, image_size)


@pytest.mark.parametrize("image_size", [0, 7, 12, 254])
def test_other_sizes_are_refused(image_size: int) -> None:
    with pytest.raises(ValueError, match=rf"data.image_size={image_size}: .* multiple of 8 pixels; change it"):
        OpenAIEncoder(image_size=image_size)


def test_images_of_another_size_are_refused(vae: OpenAIDiscreteVAE) -> None:
    with pytest.raises(ValueError, match=r"built for images of 40 × 40 pixels, got 40 × 48; resize and crop"):
        vae.encode(torch.zeros(1, 3, 40, 48, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("codes_BP", "message"),
    [
        (torch.zeros(1, 24, dtype=torch.long), r"expected 25 codes an image, for a grid of 5×5 .* shape \[1, 24\]"),
        (torch.zeros(1, 5, 5, dtype=torch.long), r"expected 25 codes an image.* shape \[1, 5, 5\]"),
        (torch.full((1, 25), 512), r"expected codes from 0 to 511, got 512 to 512; encode the images with this"),
        (torch.arange(-1, 24)[None], r"expected codes from 0 to 511, got -1 to 23"),
    ],
)
def test_codes_of_another_vae_are_refused(vae: OpenAIDiscreteVAE, codes_BP: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        vae.decode(codes_BP)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"hidden_size": 6}, r"hidden_size: expected a positive multiple of 4, got 6"),
        ({"code_dim": 0}, r"code_dim: expected a positive number, got 0"),
        ({"num_codes": -1}, r"num_codes: expected a positive number, got -1"),
        ({"blocks_per_group": 0}, r"blocks_per_group: expected a positive number, got 0"),
    ],
)
def test_sizes_that_make_no_network_are_refused(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OpenAIDecoder(grid_size=(5, 5), **(SIZES | sizes))
