from dataclasses import replace
from functools import partial
from threading import Lock

import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from datamodules.transformed_view import TransformedView
from tests.datamodules.in_memory_split import InMemorySplit

SPLIT = InMemorySplit(image_ids=range(3, 11), captions=[["a"]] * 8)


def _add_noise(image: Tensor) -> Tensor:
    return (image + torch.randint(100, image.shape)).to(torch.uint8)


def _masked(image: Tensor, lock: object) -> Tensor:
    return image


def _view(number: int) -> TransformedView:
    return TransformedView(split=SPLIT, transform=v2.Lambda(_add_noise), number=number)


def test_an_image_looks_the_same_each_time_and_another_way_in_each_view() -> None:
    first = _view(1).load_image(2)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    assert torch.equal(_view(1).load_image(2), first)
    assert torch.equal(torch.random.get_rng_state(), before)  # the run's own randomness is left alone
    noises = [_view(n).load_image(i).int() - SPLIT.load_image(i) for n in (1, 2) for i in range(8)]
    assert all(not torch.equal(a, b) for k, a in enumerate(noises) for b in noises[:k])


def test_shows_the_images_of_its_split() -> None:
    view = _view(1)
    assert (view.image_ids, view.captions, view.image_names) == (SPLIT.image_ids, SPLIT.captions, SPLIT.image_names)


def test_the_fingerprint_tells_views_apart() -> None:
    crop = TransformedView(split=SPLIT, transform=v2.RandomCrop(4), number=1)
    others = [
        replace(crop, number=2),
        replace(crop, transform=v2.RandomCrop(4, padding=1)),
        replace(crop, split=InMemorySplit(range(4, 12), SPLIT.captions)),
    ]
    assert replace(crop, transform=v2.RandomCrop(4)).image_fingerprint == crop.image_fingerprint
    assert len({view.image_fingerprint for view in (crop, *others)}) == 4


def test_refuses_a_transform_that_cannot_be_told_from_another() -> None:
    view = TransformedView(split=SPLIT, transform=partial(_masked, lock=Lock()), number=1)
    with pytest.raises(ValueError, match=r"data.train_transform.*lock cannot be told from another one"):
        _ = view.image_fingerprint


def test_refuses_a_transform_that_changes_the_shape() -> None:
    view = TransformedView(split=SPLIT, transform=v2.CenterCrop(2), number=1)
    with pytest.raises(ValueError, match=r"must return a uint8 tensor of shape \[3, 4, 4\]"):
        view.load_image(0)
