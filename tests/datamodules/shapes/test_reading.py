"""What is read from pixels is the scene that was drawn: exactly, with noise and blur, and by brute force."""

from collections.abc import Sequence
from functools import cache
from itertools import cycle, product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from datamodules.shapes.drawing import RGB, coverage_of, draw
from datamodules.shapes.reading import BACKGROUNDS, KINDS, OFFSETS, read_scenes, scene_reader
from datamodules.shapes.scene import COLOURS, MAX_OBJECTS, PLACES, SHAPES, SIZES, Scene, SceneObject, scene_at

SEED = 42  # the world of `data=shapes`, whose first 500 scenes are its test split


def without_offsets(scene: Scene) -> Scene:
    return scene._replace(objects=tuple(thing._replace(offset=(0.0, 0.0)) for thing in scene.objects))


def drawn(scenes: Sequence[Scene], image_size: int) -> Tensor:
    return torch.from_numpy(np.stack([draw(scene, image_size) for scene in scenes]))


@cache
def world(num: int, image_size: int = 64, seed: int = SEED) -> tuple[list[Scene], Tensor]:
    scenes = [scene_at(seed, index) for index in range(num)]
    return [*map(without_offsets, scenes)], drawn(scenes, image_size)


def share_read(images_BCHW: Tensor, scenes: Sequence[Scene]) -> float:
    return float(np.mean([read == scene for read, scene in zip(read_scenes(images_BCHW), scenes, strict=True)]))


def test_all_test_scenes_are_read_exactly() -> None:
    scenes, images_BCHW = world(500)
    assert read_scenes(images_BCHW) == scenes


@pytest.mark.parametrize("image_size", [32, 48, 96, 128])
def test_other_sizes_are_read_exactly(image_size: int) -> None:
    scenes, images_BCHW = world(50, image_size, seed=7)
    assert read_scenes(images_BCHW) == scenes


def test_every_look_is_read_at_every_place() -> None:
    looks = product(SHAPES, COLOURS, SIZES, PLACES)
    scenes = [
        Scene((SceneObject(*look),), background) for look, background in zip(looks, cycle(BACKGROUNDS), strict=False)
    ]
    assert len(scenes) == 630
    assert read_scenes(drawn(scenes, 64)) == scenes


@given(
    index=st.integers(0, 10**6),
    offsets=st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=MAX_OBJECTS, max_size=MAX_OBJECTS),
)
def test_any_scene_at_any_offset_is_read(index: int, offsets: list[tuple[float, float]]) -> None:
    scene = scene_at(0, index)
    moved = tuple(thing._replace(offset=offset) for thing, offset in zip(scene.objects, offsets, strict=False))
    assert read_scenes(drawn([scene._replace(objects=moved)], 64)) == [without_offsets(scene)]


@pytest.mark.parametrize(("levels", "least"), [(20, 1.0), (40, 0.98)])
def test_noise_changes_little(levels: int, least: float) -> None:
    scenes, images_BCHW = world(500)
    noise_BCHW = levels * torch.randn(200, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    noisy_BCHW = (images_BCHW[:200] + noise_BCHW).round().clamp(0, 255).byte()
    assert share_read(noisy_BCHW, scenes[:200]) >= least


@pytest.mark.parametrize(("sigma", "least"), [(1.0, 1.0), (1.5, 0.98), (2.0, 0.98)])
def test_blur_changes_little(sigma: float, least: float) -> None:
    scenes, images_BCHW = world(500)
    blurred_BCHW = gaussian_blur(images_BCHW[:200].float(), 13, sigma).round().byte()
    assert share_read(blurred_BCHW, scenes[:200]) >= least


def test_a_picture_is_read_by_itself_and_as_it_would_be_saved() -> None:
    scenes, images_BCHW = world(500)
    floats_BCHW = (images_BCHW[:9].float() + torch.linspace(-0.4, 0.4, 64)) / 255
    for read in (
        read_scenes(floats_BCHW),
        read_scenes(floats_BCHW.double()),
        [read_scenes(image_CHW.unsqueeze(0))[0] for image_CHW in floats_BCHW],
        read_scenes(floats_BCHW.flip(0))[::-1],
    ):
        assert read == scenes[:9]


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_a_background_alone_has_no_object(background: tuple[str, str]) -> None:
    empty = Scene((), BACKGROUNDS[BACKGROUNDS.index(background)])  # type: ignore[arg-type]
    assert read_scenes(drawn([empty], 64)) == [empty]


def test_of_too_many_objects_those_that_explain_most_are_read() -> None:
    kinds = zip(SHAPES, COLOURS, ["large", "small", "large", "small", "large"], PLACES, strict=False)
    crowd = Scene(tuple(SceneObject(*kind) for kind in kinds), BACKGROUNDS[0])
    (read,) = read_scenes(drawn([crowd], 64))
    assert read.objects == tuple(thing for thing in crowd.objects if thing.size == "large")


def test_what_shows_nothing_is_read_all_the_same() -> None:
    noise_BCHW = torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    odd = [float("nan"), float("inf"), -float("inf"), 0.5, 0.0, 1.0]
    flat_BCHW = torch.tensor(odd).view(-1, 1, 1, 1).expand(-1, 3, 64, 64)
    for scene in read_scenes(torch.cat([noise_BCHW, flat_BCHW])):
        assert scene.background in BACKGROUNDS
        assert len(scene.objects) <= MAX_OBJECTS
    assert all(not scene.objects for scene in read_scenes(flat_BCHW))
    assert read_scenes(torch.zeros(0, 3, 64, 64)) == []


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (1, 3, 64, 32)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected square RGB images \[B, 3, size, size\] to read, got \("):
        read_scenes(torch.zeros(shape))


@pytest.mark.parametrize("place", ["top left", "center", "bottom"])
def test_the_largest_gain_by_brute_force(place: str) -> None:
    """The squared difference of a cell from its background, less that from each drawing over it, one by one."""
    reader = scene_reader(64)
    cell = reader.cells[PLACES.index(place)]
    pixels_B3HW = 255 * torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    pixels_B3HW[0] = torch.from_numpy(draw(scene_at(SEED, 3), 64))
    background_B = torch.tensor([0, 5, 11])
    backgrounds_B3HW = reader.backgrounds_K3HW[background_B]
    rest_B3HW = pixels_B3HW - backgrounds_B3HW
    rest_B4HW = torch.cat([rest_B3HW, (backgrounds_B3HW * rest_B3HW).sum(dim=1, keepdim=True)], dim=1)
    gain_B, look_B, difference_B = reader._best_objects(cell, rest_B4HW[:, :, cell.rows, cell.columns], background_B)
    for row in range(3):
        x = pixels_B3HW[row, :, cell.rows, cell.columns].double().flatten(1)
        b = backgrounds_B3HW[row, :, cell.rows, cell.columns].double().flatten(1)
        gains = []
        for m in cell.coverage_FP.double():
            for colour in COLOURS:
                painted = b + m * (torch.tensor(RGB[colour]).double()[:, None] - b)
                gains.append(((x - b).square().sum() - (x - painted).square().sum()).item())
        assert difference_B[row].item() == pytest.approx((x - b).square().sum().item(), rel=1e-5)
        if max(gains) > 0:
            assert gain_B[row].item() == pytest.approx(max(gains), rel=1e-4)
            assert look_B[row].item() == int(np.argmax(gains))
        else:
            assert gain_B[row].item() <= 0


def test_forms_are_counted_kind_by_kind() -> None:
    """The sharp form without an offset is what an object covers."""
    cell = scene_reader(64).cells[4]
    of_kind = cell.coverage_FP.view(len(KINDS), len(OFFSETS) ** 2, -1, cell.coverage_FP.shape[1])
    for (shape, size), forms in zip(KINDS, of_kind, strict=True):
        expected = coverage_of(SceneObject(shape, "red", size, "center"), 64).ravel()
        np.testing.assert_allclose(forms[len(forms) // 2, 0].numpy(), expected, atol=1e-6)
