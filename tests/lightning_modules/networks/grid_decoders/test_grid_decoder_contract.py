"""What every grid decoder promises, over every implementation; and what its outputs mean."""

import inspect

import pytest
import torch

from lightning_modules.networks import grid_decoders
from lightning_modules.networks.grid_decoders import StridedGridDecoder
from lightning_modules.networks.grid_decoders.pixel_outputs import LogitLaplacePixels, UnitPixels

EXPORTED = [getattr(grid_decoders, name) for name in grid_decoders.__all__]


@pytest.mark.parametrize("kind", [kind for kind in EXPORTED if not inspect.isabstract(kind)])
@pytest.mark.parametrize(("side", "size", "channels"), [(4, 8, 3), (4, 32, 6), (7, 28, 3)])
def test_makes_outputs_of_each_pixel_and_places_are_row_by_row(
    kind: type[StridedGridDecoder], side: int, size: int, channels: int
) -> None:
    decoder = kind(code_dim=5, grid_size=(side, side), image_size=size, channels=channels, hidden_size=8)
    vectors_BPE = torch.randn(2, side**2, 5)
    outputs_BXHW = decoder(vectors_BPE)
    assert outputs_BXHW.shape == (2, channels, size, size)
    torch.testing.assert_close(decoder(vectors_BPE[1:]), outputs_BXHW[1:], rtol=1e-4, atol=1e-5)
    vectors_BPE[:, side - 1] += 1  # the top right position
    change_HW = (decoder(vectors_BPE) - outputs_BXHW).abs().sum(dim=(0, 1))
    row, column = divmod(int(change_HW.argmax()), size)
    assert row < size / 2 < column


@pytest.mark.parametrize("num_resnet_blocks", [0, 2])
def test_every_parameter_takes_part(num_resnet_blocks: int) -> None:
    decoder = StridedGridDecoder(
        code_dim=5, grid_size=(4, 4), image_size=16, channels=3, num_resnet_blocks=num_resnet_blocks, hidden_size=8
    )
    decoder(torch.randn(2, 16, 5)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in decoder.parameters())


@pytest.mark.parametrize(("grid", "size"), [((7, 7), 64), ((8, 8), 8), ((8, 8), 48), ((4, 8), 32)])
def test_refuses_a_grid_that_no_doublings_lead_from(grid: tuple[int, int], size: int) -> None:
    with pytest.raises(ValueError, match=rf"the {grid[0]}×{grid[1]} positions .* data.image_size={size}; choose one"):
        StridedGridDecoder(code_dim=5, grid_size=grid, image_size=size, channels=3)


def test_what_outputs_mean() -> None:
    values_1XHW = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0, 0.5]).view(1, 3, 1, 2)
    assert UnitPixels().images(values_1XHW).flatten().tolist() == pytest.approx([0, 0, 0.5, 1, 1, 0.75])
    means = torch.tensor([-9.0, 0.0, 9.0])  # of one pixel: beyond 0.1 and 0.9 of the sigmoid they are clamped
    outputs_1XHW = torch.cat([means, torch.randn(3)]).view(1, 6, 1, 1)
    assert LogitLaplacePixels().images(outputs_1XHW).flatten().tolist() == pytest.approx([0, 0.5, 1])
    squeezed = (torch.tensor([0.2, 0.5, 0.7]) * 0.8 + 0.1).logit()
    outputs_1XHW = torch.cat([squeezed, torch.zeros(3)]).view(1, 6, 1, 1)
    assert LogitLaplacePixels().images(outputs_1XHW).flatten().tolist() == pytest.approx([0.2, 0.5, 0.7])
