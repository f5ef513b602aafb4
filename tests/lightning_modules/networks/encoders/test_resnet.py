import pytest
import torch

from lightning_modules.networks.encoders import ResNetEncoder
from lightning_modules.networks.encoders.resnet import ResidualBlock


@pytest.mark.parametrize(("num_layers", "positions", "width"), [(1, 256, 4), (2, 64, 8), (3, 16, 16), (5, 1, 64)])
def test_each_stage_halves_the_grid_and_doubles_the_width(num_layers: int, positions: int, width: int) -> None:
    encoder = ResNetEncoder(image_size=32, num_layers=num_layers, base_width=4, num_resnet_blocks=1).eval()
    assert (encoder.positions, encoder.width) == (positions, width)
    assert encoder(torch.zeros(1, 3, 32, 32, dtype=torch.uint8)).shape == (1, positions, width)


def test_counts_its_blocks() -> None:
    encoder = ResNetEncoder(image_size=32, num_layers=3, num_resnet_blocks=2, base_width=4)
    assert sum(isinstance(module, ResidualBlock) for module in encoder.modules()) == 6


def test_a_residual_connection_is_around_each_block() -> None:
    block = ResidualBlock(4).eval()
    block.body[-1].weight = torch.nn.Parameter(torch.zeros(4))
    x_BCHW = torch.rand(2, 4, 5, 5)
    torch.testing.assert_close(block(x_BCHW), x_BCHW)


def test_refuses_an_image_that_cannot_be_halved_so_often() -> None:
    with pytest.raises(ValueError, match=r"data.image_size=36 must be a multiple of 2\^num_layers = 8; change data"):
        ResNetEncoder(image_size=36, num_layers=3)


@pytest.mark.parametrize("num_attention_layers", [0, 1])
def test_by_self_attention_a_position_knows_what_is_at_the_others(num_attention_layers: int) -> None:
    encoder = ResNetEncoder(
        image_size=32, num_layers=2, num_resnet_blocks=0, base_width=4, num_attention_layers=num_attention_layers
    ).eval()
    images_BCHW = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    images_BCHW[1, :, :4, :4] = 255  # the first position
    plain_PD, changed_PD = encoder(images_BCHW)
    assert torch.equal(plain_PD[-1], changed_PD[-1]) == (num_attention_layers == 0)


def test_by_self_attention_a_position_knows_where_it_is() -> None:
    encoder = ResNetEncoder(image_size=64, base_width=4, num_attention_layers=1).eval()
    (features_PD,) = encoder(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    inner_PD = features_PD.unflatten(0, (8, 8))[3:5, 3:5].flatten(0, 1)  # of which convolutions see the same
    assert torch.pdist(inner_PD).min() > 0.1


def test_frozen_it_has_nothing_to_train() -> None:
    encoder = ResNetEncoder(image_size=32, base_width=4, num_attention_layers=1, frozen=True)
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


def test_refuses_features_that_heads_cannot_share() -> None:
    with pytest.raises(ValueError, match=r"model.encoder.base_width=3 makes 6 features, which the 4 heads"):
        ResNetEncoder(image_size=32, num_layers=2, base_width=3, num_attention_layers=1)
