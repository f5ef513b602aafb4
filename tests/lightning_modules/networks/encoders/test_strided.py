"""The strided encoder: its shapes, and that images do not depend on each other in training either."""

import pytest
import torch

from lightning_modules.networks.encoders import StridedEncoder


@pytest.mark.parametrize(("num_layers", "num_resnet_blocks"), [(1, 0), (2, 1), (3, 2)])
def test_each_layer_halves_and_each_block_keeps(num_layers: int, num_resnet_blocks: int) -> None:
    encoder = StridedEncoder(
        image_size=40, num_layers=num_layers, num_resnet_blocks=num_resnet_blocks, hidden_size=6
    ).train()
    images_BCHW = torch.randint(256, (3, 3, 40, 40), dtype=torch.uint8)
    features_BPD = encoder(images_BCHW)
    side = 40 // 2**num_layers
    assert (encoder.grid, encoder.width) == ((side, side), 6)
    assert features_BPD.shape == (3, side**2, 6)
    torch.testing.assert_close(encoder(images_BCHW[1:2]), features_BPD[1:2], rtol=1e-4, atol=1e-5)


def test_frozen_it_has_nothing_to_train() -> None:
    assert not any(p.requires_grad for p in StridedEncoder(image_size=32, frozen=True).parameters())


def test_refuses_sizes_that_cannot_be_halved() -> None:
    with pytest.raises(ValueError, match=r"data.image_size=36 must be a multiple of 2\^num_layers = 8; change"):
        StridedEncoder(image_size=36)
    with pytest.raises(ValueError, match=r"model.encoder.num_layers must be at least 1, got 0"):
        StridedEncoder(image_size=32, num_layers=0)
