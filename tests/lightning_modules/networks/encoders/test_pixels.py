import pytest
import torch

from lightning_modules.networks.encoders.pixels import PixelScaling


def test_by_hand() -> None:
    scaling = PixelScaling(mean=(0.5, 0.2, 0.0), std=(0.5, 0.1, 2.0))
    images_BCHW = torch.tensor([[0, 255], [51, 102], [255, 51]], dtype=torch.uint8).view(1, 3, 1, 2)
    assert scaling(images_BCHW)[0, :, 0].tolist() == [
        pytest.approx([-1.0, 1.0]),
        pytest.approx([0.0, 2.0], abs=1e-6),
        pytest.approx([0.5, 0.1]),
    ]


def test_lays_pixels_out_channels_last_and_keeps_nothing_in_checkpoints() -> None:
    scaling = PixelScaling(mean=(0.5,) * 3, std=(0.5,) * 3)
    scaled_BCHW = scaling(torch.zeros(2, 3, 4, 4, dtype=torch.uint8))
    assert scaled_BCHW.is_contiguous(memory_format=torch.channels_last)
    assert scaling.state_dict() == {}
