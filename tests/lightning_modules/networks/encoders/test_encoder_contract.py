"""What every encoder promises, over every implementation; timm's with each layout of features that it knows."""

from collections.abc import Callable
from functools import partial

import pytest
import torch

from lightning_modules.networks import encoders
from lightning_modules.networks.encoders import Encoder, ResNetEncoder, StridedEncoder, TimmEncoder

SIZE = 128
BUILDERS: dict[str, Callable[..., Encoder]] = {
    "resnet": partial(ResNetEncoder, base_width=4),
    "resnet, self-attention": partial(ResNetEncoder, base_width=4, num_attention_layers=1),
    "strided": partial(StridedEncoder, hidden_size=8, num_layers=4),
    "timm, channels first": partial(TimmEncoder, weights=None, backbone="test_efficientnet", frozen=False),
    "timm, channels last": partial(TimmEncoder, weights=None, backbone="test_mambaout", frozen=False),
    "timm, tokens": partial(TimmEncoder, weights=None, backbone="test_vit", frozen=False),
    "timm, frozen": partial(TimmEncoder, weights=None, backbone="test_efficientnet", frozen=True),
    "timm, last blocks": partial(
        TimmEncoder, weights=None, backbone="test_efficientnet", trainable_from="blocks.3", trainable_decay=0.5
    ),
    "timm, last blocks, channels last": partial(
        TimmEncoder, weights=None, backbone="test_mambaout", trainable_from="stages.3"
    ),
    "timm, last blocks, tokens": partial(TimmEncoder, weights=None, backbone="test_vit", trainable_from="blocks.3"),
}


@pytest.fixture(scope="module", params=BUILDERS)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    torch.manual_seed(0)
    encoder = BUILDERS[request.param](image_size=SIZE).train()
    with torch.no_grad():
        encoder(_images(8))  # gives batch statistics that mean something
    return encoder.eval()


def _images(count: int) -> torch.Tensor:
    return torch.randint(256, (count, 3, SIZE, SIZE), dtype=torch.uint8)


def test_every_implementation_is_tested() -> None:
    built = {builder.func for builder in BUILDERS.values() if isinstance(builder, partial)}
    parts = {getattr(encoders, name) for name in encoders.__all__}
    assert built == {part for part in parts if issubclass(part, Encoder)} - {Encoder}


def test_gives_a_grid_of_the_shape_that_it_tells(encoder: Encoder) -> None:
    features_BPD = encoder(_images(2))
    assert features_BPD.shape == (2, encoder.positions, encoder.width)
    assert features_BPD.dtype == torch.float32
    assert encoder.positions == int(encoder.positions**0.5) ** 2  # a square of places, nothing before or after


def test_an_image_does_not_depend_on_those_beside_it(encoder: Encoder) -> None:
    images_BCHW = _images(3)
    torch.testing.assert_close(encoder(images_BCHW[1:2]), encoder(images_BCHW)[1:2], rtol=1e-4, atol=1e-4)


def test_places_are_row_by_row(encoder: Encoder) -> None:
    rows, half = int(encoder.positions**0.5), SIZE // 2
    images_BCHW = _images(1).repeat(3, 1, 1, 1)
    images_BCHW[1, :, :half, half:] = _images(1)[0, :, :half, half:]  # another top right quarter
    images_BCHW[2, :, half:, :half] = _images(1)[0, :, half:, :half]  # another bottom left quarter
    plain_PD, *changed = encoder(images_BCHW)
    for (row, column), features_PD in zip([(0, 1), (1, 0)], changed, strict=True):
        change_RR = (features_PD - plain_PD).square().sum(dim=-1).view(rows, rows)
        quarters = change_RR.unfold(0, rows // 2, rows // 2).unfold(1, rows // 2, rows // 2).sum(dim=(2, 3))
        assert quarters.argmax() == 2 * row + column


def test_loading_pretrained_weights_without_any_named_changes_nothing(encoder: Encoder) -> None:
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    encoder.load_pretrained()
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_its_parts_give_the_features_of_the_whole(encoder: Encoder) -> None:
    if encoder.fixed_shape is None:
        return
    fixed_BPD = encoder.fixed_part(_images(2))
    assert fixed_BPD.shape[1:] == encoder.fixed_shape[:2]
    assert not fixed_BPD.requires_grad
    images_BCHW = _images(2)
    assert torch.equal(encoder.trained_part(encoder.fixed_part(images_BCHW)), encoder(images_BCHW))


def test_the_fixed_part_depends_on_nothing_that_is_trained(encoder: Encoder) -> None:
    trained = {name for name, parameter in encoder.named_parameters() if parameter.requires_grad}
    assert encoder.fixed_shape is None or trained <= encoder.trained_names
    if encoder.fine_tuning is None:
        assert encoder.start_weights() == []
        return
    images_BCHW = _images(2)
    before_BPD, features_BPD = encoder.fixed_part(images_BCHW), encoder.train()(images_BCHW)
    features_BPD.square().sum().backward()
    assert all(parameter.grad is not None for parameter, _ in encoder.start_weights())
    assert {name for name, parameter in encoder.named_parameters() if parameter.grad is not None} == trained
    with torch.no_grad():
        for name, tensor in (*encoder.named_parameters(), *encoder.named_buffers()):
            if name in encoder.trained_names:
                tensor.add_(1)
    assert torch.equal(encoder.fixed_part(images_BCHW), before_BPD)
