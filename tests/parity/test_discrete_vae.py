"""The discrete VAE against that of `dalle_pytorch` 1.6.6: the same weights give the same codes, images and losses.

Where the two differ on purpose, a test says what is right.
"""

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.build import assemble_discrete_vae
from lightning_modules.losses.pixel_terms import gaussian_nll, huber
from lightning_modules.networks.discrete_vae import DiscreteVAE
from lightning_modules.networks.encoders import StridedEncoder
from lightning_modules.networks.grid_decoders import StridedGridDecoder
from lightning_modules.networks.quantizers import GumbelQuantizer, uniform_kl
from tests.anchors import dalle_pytorch

SIZE, NUM_CODES, CODE_DIM, HIDDEN = 32, 16, 10, 12
TARGET = "lightning_modules.networks"


def _theirs(num_layers: int, num_blocks: int, **settings: Any) -> Any:
    torch.manual_seed(0)
    return dalle_pytorch().DiscreteVAE(
        image_size=SIZE,
        num_tokens=NUM_CODES,
        codebook_dim=CODE_DIM,
        num_layers=num_layers,
        num_resnet_blocks=num_blocks,
        hidden_dim=HIDDEN,
        **settings,
    )


def _with_weights(theirs: Any, num_layers: int, num_blocks: int, **settings: Any) -> DiscreteVAE:
    """Return ours with the weights of theirs."""
    sizes = {"num_resnet_blocks": num_blocks, "hidden_size": HIDDEN}
    ours = assemble_discrete_vae(
        encoder={"_target_": f"{TARGET}.encoders.StridedEncoder", "num_layers": num_layers, **sizes},
        quantizer={
            "_target_": f"{TARGET}.quantizers.GumbelQuantizer",
            "num_codes": NUM_CODES,
            "code_dim": CODE_DIM,
            "temperature": 1.0,
            **settings,
        },
        grid_decoder={"_target_": f"{TARGET}.grid_decoders.StridedGridDecoder", **sizes},
        reconstruction="gaussian",
        image_size=SIZE,
    )
    encoder, decoder, quantizer = ours.encoder, ours.decoder_image, ours.quantizer
    assert isinstance(encoder, StridedEncoder)
    assert isinstance(decoder, StridedGridDecoder)
    assert isinstance(quantizer, GumbelQuantizer)
    _copy(theirs.encoder[:-1], [*encoder.halvings, encoder.blocks])
    with torch.no_grad():
        quantizer.projection.weight.copy_(theirs.encoder[-1].weight.flatten(1))
        quantizer.projection.bias.copy_(theirs.encoder[-1].bias)
        quantizer.codebook.weight.copy_(theirs.codebook.weight)
    _copy(theirs.decoder, [decoder.blocks, *decoder.doublings, decoder.output])
    return ours


def _copy(theirs: nn.Module, ours: Sequence[nn.Module]) -> None:
    """Copy all weights in their order, which is that of the layers in both."""
    mine = [parameter for part in ours for parameter in part.parameters()]
    for own, other in zip(mine, theirs.parameters(), strict=True):
        assert own.shape == other.shape
        own.data.copy_(other.data)


def _images(count: int = 4) -> Tensor:
    return torch.randint(256, (count, 3, SIZE, SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("num_layers", "num_blocks"), [*product([1, 2, 3], [0, 2])])
def test_logits_codes_and_images_are_theirs(num_layers: int, num_blocks: int) -> None:
    theirs = _theirs(num_layers, num_blocks).eval()
    ours, images_BCHW = _with_weights(theirs, num_layers, num_blocks).eval(), _images()
    with torch.no_grad():
        logits_BKHW = theirs(images_BCHW / 255, return_logits=True)
        own_BPK = ours.quantizer.projection(ours.features(images_BCHW))
        torch.testing.assert_close(own_BPK.transpose(1, 2), logits_BKHW.flatten(2), rtol=0, atol=1e-5)
        codes_BP = theirs.get_codebook_indices(images_BCHW / 255)
        assert torch.equal(ours.encode(images_BCHW), codes_BP)
        assert len(codes_BP.unique()) > 1
        drawn_BCHW = theirs.decode(codes_BP)
        outputs_BXHW = ours.decoder_image(ours.vectors(codes_BP))
        torch.testing.assert_close(outputs_BXHW, drawn_BCHW, rtol=0, atol=1e-5)


def test_every_image_is_between_zero_and_one_where_theirs_are_as_the_decoder_leaves_them() -> None:
    """Their own `decode` returns values around −1 to 1, while their pretrained models return [0, 1]."""
    theirs = _theirs(2, 1).eval()
    with torch.no_grad():
        for parameter in theirs.decoder.parameters():
            parameter.mul_(3)
        ours = _with_weights(theirs, 2, 1).eval()
        codes_BP = torch.arange(64).view(1, 64) % NUM_CODES
        drawn_BCHW = theirs.decode(codes_BP)
        assert drawn_BCHW.min() < 0
        expected_BCHW = (0.5 * drawn_BCHW + 0.5).clamp(0, 1)
        torch.testing.assert_close(ours.decode(codes_BP), expected_BCHW, rtol=0, atol=1e-5)


@pytest.mark.parametrize("straight_through", [False, True])
@pytest.mark.parametrize("smooth_l1_loss", [False, True])
def test_losses_of_relaxed_codes_are_theirs(
    straight_through: bool, smooth_l1_loss: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.Tensor, "exponential_", lambda tensor, **_: tensor.fill_(1.0))  # noise of 0 in both
    theirs = _theirs(2, 1, temperature=0.7, straight_through=straight_through, smooth_l1_loss=smooth_l1_loss)
    ours = _with_weights(theirs, 2, 1, temperature=0.7, straight_through=straight_through).train()
    images_BCHW, numbers = _images(), 3 * SIZE**2
    expected, drawn_BCHW = theirs(images_BCHW / 255, return_loss=True, return_recons=True)
    output = ours(images_BCHW, 0)
    torch.testing.assert_close(output.outputs_BXHW, drawn_BCHW, rtol=0, atol=1e-5)
    if smooth_l1_loss:
        own = huber(output.outputs_BXHW, images_BCHW).mean() / numbers
    else:
        own = gaussian_nll(output.outputs_BXHW, images_BCHW).mean() / (0.75 * math.pi * SIZE**2)
    torch.testing.assert_close(own, expected, rtol=1e-5, atol=0)
    own.backward()
    expected.backward()
    gradients = theirs.encoder[0][0].weight.grad
    torch.testing.assert_close(ours.encoder.halvings[0].weight.grad, gradients, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("count", [1, 4])
def test_the_kl_is_of_an_image_where_theirs_is_of_the_whole_batch(count: int) -> None:
    """Theirs is summed over the batch, and added to a mean over all numbers of all images."""
    weight, images_BCHW, losses = 1.5, _images(count), []
    for own_weight in (0.0, weight):
        theirs = _theirs(2, 1, kl_div_loss_weight=own_weight, straight_through=True).eval()
        torch.manual_seed(2)
        losses.append(theirs(images_BCHW / 255, return_loss=True).item())
    ours = _with_weights(theirs, 2, 1).eval()
    kl_B = ours(images_BCHW, 0).quantized.cost_B.detach()
    assert losses[1] - losses[0] == pytest.approx(weight * count * kl_B.mean().item(), rel=1e-4)
    twice_B = ours(images_BCHW.repeat(2, 1, 1, 1), 0).quantized.cost_B
    torch.testing.assert_close(twice_B.mean(), kl_B.mean())
    logits_BPK = ours.quantizer.projection(ours.features(images_BCHW))
    assert torch.equal(kl_B, uniform_kl(logits_BPK))


def test_evaluation_has_no_noise_where_theirs_has() -> None:
    theirs, images_BCHW = _theirs(2, 1).eval(), _images()
    ours = _with_weights(theirs, 2, 1).eval()
    noisy = [theirs(images_BCHW / 255, return_loss=True).item() for _ in range(2)]
    still = [gaussian_nll(ours(images_BCHW, 0).outputs_BXHW, images_BCHW).mean().item() for _ in range(2)]
    assert noisy[0] != noisy[1]
    assert still[0] == still[1]
