import base64
from io import BytesIO

import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor

from pictures.pages.data_uri import data_uri


def _decode(uri: str) -> tuple[str, Tensor]:
    """Return the kind of an image and its pixels."""
    kind, _, content = uri.partition(";base64,")
    return kind, pil_to_tensor(Image.open(BytesIO(base64.b64decode(content, validate=True))))


def _gradient(height: int, width: int) -> Tensor:
    """Return a smooth picture whose channels, rows and columns all differ."""
    rows, columns = torch.linspace(0, 1, height)[:, None], torch.linspace(0, 1, width)
    return torch.stack([rows.expand(-1, width), columns.expand(height, -1), rows * columns])


def test_small_images_are_kept_exactly() -> None:
    image_3HW = torch.randint(256, (3, 48, 64), dtype=torch.uint8)
    kind, decoded_3HW = _decode(data_uri(image_3HW))
    assert kind == "data:image/png"
    assert torch.equal(decoded_3HW, image_3HW)


def test_numbers_are_rounded_and_clipped() -> None:
    image_3HW = torch.tensor([-0.2, 0.0, 0.4999, 1.0, 1.3]).expand(3, 2, 5)
    expected_3HW = torch.tensor([0, 0, 127, 255, 255], dtype=torch.uint8).expand(3, 2, 5)
    assert torch.equal(_decode(data_uri(image_3HW.requires_grad_()))[1], expected_3HW)


@pytest.mark.parametrize(("height", "width"), [(200, 120), (120, 200)])
def test_larger_images_are_about_the_same(height: int, width: int) -> None:
    image_3HW = _gradient(height, width)
    kind, decoded_3HW = _decode(data_uri(image_3HW))
    assert kind == "data:image/jpeg"
    assert decoded_3HW.shape == image_3HW.shape
    assert (decoded_3HW / 255 - image_3HW).abs().mean() < 0.01


def test_large_images_are_made_smaller_in_proportion() -> None:
    decoded_3HW = _decode(data_uri(_gradient(300, 600), longest_side=100))[1]
    assert decoded_3HW.shape == (3, 50, 100)
    assert (decoded_3HW / 255 - _gradient(50, 100)).abs().mean() < 0.02
