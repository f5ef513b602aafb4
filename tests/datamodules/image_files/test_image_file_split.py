from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from datamodules.image_files.image_file_split import ImageFileSplit
from datamodules.image_files.keys import file_keys
from tests.datamodules.flickr8k.tiny_flickr8k import TinyFlickr8k


def _split(flickr8k: TinyFlickr8k, transform: Callable[[Tensor], Tensor] | None) -> ImageFileSplit:
    return ImageFileSplit(
        paths=[flickr8k.image(3), flickr8k.image(5)],
        image_ids=[3, 5],
        captions=[["a"], ["b"]],
        file_keys=[file_keys(flickr8k.image(number)) for number in (3, 5)],
        image_size=16,
        transform=transform,
    )


def test_loads_the_image_asked_for(flickr8k: TinyFlickr8k) -> None:
    image = _split(flickr8k, transform=None).load_image(1)
    assert torch.equal(image, torch.full((3, 16, 16), 100, dtype=torch.uint8))


def test_transform_changes_the_image(flickr8k: TinyFlickr8k) -> None:
    image = _split(flickr8k, transform=v2.RandomInvert(p=1)).load_image(1)
    assert torch.equal(image, torch.full((3, 16, 16), 155, dtype=torch.uint8))


@pytest.mark.parametrize("transform", [v2.CenterCrop(8), v2.ToDtype(torch.float32, scale=True)])
def test_refuses_transforms_that_change_shape_or_type(
    flickr8k: TinyFlickr8k, transform: Callable[[Tensor], Tensor]
) -> None:
    with pytest.raises(
        ValueError, match=r"data.train_transform must return a uint8 tensor of shape \[3, 16, 16\], got"
    ):
        _split(flickr8k, transform).load_image(0)
