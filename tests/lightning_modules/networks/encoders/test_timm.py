from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor

from lightning_modules.networks.encoders import TimmEncoder

CNN = "test_efficientnet"
IMAGES_BCHW = torch.arange(2 * 3 * 32 * 32).view(2, 3, 32, 32).remainder(251).to(torch.uint8)


def _state(encoder: TimmEncoder) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in encoder.backbone.state_dict().items()}


def _save_published(path: Path, backbone: str = CNN) -> dict[str, Tensor]:
    """Write weights as they are published: with the classifier that the encoder does without."""
    torch.manual_seed(7)
    weights = timm.create_model(backbone).state_dict()
    save_file(weights, path) if path.suffix == ".safetensors" else torch.save(weights, path)
    return weights


def test_the_tokens_before_the_patches_are_no_places() -> None:
    encoder = TimmEncoder(image_size=160, backbone="test_vit", weights=None)
    assert (encoder.positions, encoder.width) == (100, 64)
    images_BCHW = torch.zeros(1, 3, 160, 160, dtype=torch.uint8)
    tokens_BTD = encoder.backbone.forward_features(encoder.scale_pixels(images_BCHW))
    assert tokens_BTD.shape[1] == 101
    torch.testing.assert_close(encoder(images_BCHW), tokens_BTD[:, 1:])


def test_pixels_are_scaled_as_the_published_weights_want() -> None:
    published: Any = timm.create_model(CNN).pretrained_cfg
    scaling = TimmEncoder(image_size=32, backbone=CNN, weights=None).scale_pixels
    assert scaling.mean_C11.flatten().tolist() == pytest.approx(published["mean"])
    assert scaling.std_C11.flatten().tolist() == pytest.approx(published["std"])


def test_a_frozen_backbone_stays_as_it_is_in_training() -> None:
    encoder = TimmEncoder(image_size=32, backbone=CNN, frozen=True, weights=None)
    before = _state(encoder)
    features_BPD = encoder.train()(IMAGES_BCHW)
    assert encoder.training
    assert not features_BPD.requires_grad
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert all(torch.equal(value, before[name]) for name, value in encoder.backbone.state_dict().items())
    torch.testing.assert_close(encoder.eval()(IMAGES_BCHW), features_BPD, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("backbone", "unused"), [("test_convnext", {"head.norm.weight", "head.norm.bias"}), (CNN, set())]
)
def test_parts_that_the_grid_does_not_depend_on_are_not_trained(backbone: str, unused: set[str]) -> None:
    with torch.no_grad():
        encoder = TimmEncoder(image_size=64, backbone=backbone, frozen=False, weights=None)
    encoder(IMAGES_BCHW.repeat(1, 1, 2, 2)).square().sum().backward()
    without = {name for name, parameter in encoder.backbone.named_parameters() if parameter.grad is None}
    untrained = {name for name, parameter in encoder.backbone.named_parameters() if not parameter.requires_grad}
    assert without == untrained == unused
    again = TimmEncoder(image_size=64, backbone=backbone, weights=None)
    assert again.backbone.state_dict().keys() == {*_state(encoder)}


def test_a_backbone_that_is_not_frozen_learns() -> None:
    encoder = TimmEncoder(image_size=32, backbone=CNN, frozen=False, weights=None)
    before = _state(encoder)
    encoder.train()(IMAGES_BCHW).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in encoder.parameters())
    assert not torch.equal(encoder.backbone.bn1.running_mean, before["bn1.running_mean"])


def test_measuring_the_grid_leaves_batch_statistics_alone() -> None:
    encoder = TimmEncoder(image_size=32, backbone=CNN, frozen=False, weights=None)
    assert encoder.training
    assert encoder.backbone.training
    assert encoder.backbone.bn1.num_batches_tracked == 0


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pth"])
@pytest.mark.parametrize("backbone", [CNN, "test_vit"])
def test_reads_weights_from_a_local_file_when_asked_and_not_before(tmp_path: Path, name: str, backbone: str) -> None:
    published = _save_published(tmp_path / name, backbone)
    encoder = TimmEncoder(image_size=32, backbone=backbone, weights=str(tmp_path / name))
    first = next(iter(encoder.backbone.state_dict()))
    assert not torch.equal(encoder.backbone.state_dict()[first], published[first])
    encoder.load_pretrained()
    loaded = encoder.backbone.state_dict()
    different = [
        key for key in loaded if loaded[key].shape == published[key].shape and (loaded[key] != published[key]).any()
    ]
    # a vision transformer's position embedding is interpolated where its shape differs, nothing else may
    assert different == []
    assert {*published} - {*loaded} == {key for key in published if key.startswith(("classifier.", "head."))}


def test_refuses_an_unknown_backbone() -> None:
    with pytest.raises(ValueError, match=r"backbone=test_mambo is not a model of timm .*; similar ones: test_mambaout"):
        TimmEncoder(image_size=32, backbone="test_mambo", weights=None)


def test_refuses_an_unknown_tag_of_a_backbone() -> None:
    with pytest.raises(ValueError, match=r"model.encoder.backbone=test_efficientnet.nope is not a model of timm"):
        TimmEncoder(image_size=32, backbone="test_efficientnet.nope", weights=None)


def test_takes_the_hubs_name_of_a_backbone() -> None:
    assert TimmEncoder(image_size=32, backbone="timm/test_efficientnet.r160_in1k", weights=None).width == 256


def test_refuses_an_image_size_that_the_backbone_cannot_take() -> None:
    with pytest.raises(ValueError, match=r"test_vit_relpos does not take images of data.image_size=32 pixels: "):
        TimmEncoder(image_size=32, backbone="test_vit_relpos", weights=None)


def test_a_missing_file_names_all_choices(tmp_path: Path) -> None:
    encoder = TimmEncoder(image_size=32, backbone=CNN, weights=str(tmp_path / "gone.safetensors"))
    with pytest.raises(ValueError, match=r"weights=.*gone.safetensors is not a file; .*safetensors.*`hub`.*`null`"):
        encoder.load_pretrained()


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pth"])
@pytest.mark.parametrize("content", ["other model", "text", "torn", "empty"])
def test_a_wrong_file_is_refused_and_changes_nothing(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    _save_published(path, "test_resnet" if content == "other model" else CNN)
    if content == "text":
        path.write_text("these are no weights")
    elif content == "torn":
        path.write_bytes(path.read_bytes()[:1000])
    elif content == "empty":
        path.write_bytes(b"")
    encoder = TimmEncoder(image_size=32, backbone=CNN, weights=str(path))
    before = _state(encoder)
    with pytest.raises(ValueError, match=rf"model.encoder.weights=.*{name} could not be read into {CNN}: "):
        encoder.load_pretrained()
    assert all(torch.equal(value, before[key]) for key, value in encoder.backbone.state_dict().items())


def test_the_hub_without_a_network_names_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    encoder = TimmEncoder(image_size=32, backbone=CNN, weights="hub")
    with pytest.raises(ValueError, match=r"weights=hub could not be read .* download the weights elsewhere and set"):
        encoder.load_pretrained()


def test_a_block_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"trainable_from=blocks.9 of test_efficientnet: .* conv_stem, .*blocks.4"):
        TimmEncoder(image_size=32, backbone=CNN, weights=None, trainable_from="blocks.9")


def test_blocks_inside_of_which_features_branch_are_refused() -> None:
    with pytest.raises(ValueError, match=r"trainable_from=stages.2.blocks.0.mlp of test_convnext: "):
        TimmEncoder(image_size=64, backbone="test_convnext", weights=None, trainable_from="stages.2.blocks.0.mlp")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frozen": False}, "trainable_from=blocks.3 with frozen=false"),
        ({"trainable_rate": -1.0}, "model.encoder.trainable_rate must be 0 or more, got -1"),
        ({"trainable_after": -1}, "model.encoder.trainable_after must be 0 or more, got -1"),
    ],
)
def test_refuses_settings_of_trained_blocks_that_make_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TimmEncoder(image_size=32, backbone=CNN, weights=None, trainable_from="blocks.3", **settings)


def test_weights_that_are_read_are_what_trained_blocks_start_from(tmp_path: Path) -> None:
    _save_published(tmp_path / "weights.safetensors")
    encoder = TimmEncoder(
        image_size=32, backbone=CNN, weights=str(tmp_path / "weights.safetensors"), trainable_from="blocks.3"
    )
    assert not all(torch.equal(weights, 0 * weights) for weights, _ in encoder.start_weights())
    encoder.load_pretrained()
    assert all(torch.equal(weights, start) for weights, start in encoder.start_weights())
    frozen = TimmEncoder(image_size=32, backbone=CNN, weights=None)
    encoder.load_state_dict(frozen.state_dict(), strict=False)  # as a warm start does
    assert torch.equal(encoder.backbone.conv_head.weight, frozen.backbone.conv_head.weight)
    assert all(torch.equal(weights, start) for weights, start in encoder.start_weights())
