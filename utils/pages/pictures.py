"""Images as text that a page can hold.

Shape legend: H rows, W columns.
"""

import base64
from io import BytesIO

import torch
from PIL import Image
from torch import Tensor

LONGEST_SIDE = 224
JPEG_QUALITY = 85
SMALL = 96  # pixels: below, a PNG is small enough, and JPEG's blocks would show once the page enlarges the image


def data_uri(image_3HW: Tensor, longest_side: int = LONGEST_SIDE) -> str:
    """Return an image as a `data:` URI, made smaller if a side is longer than asked for.

    Args:
        image_3HW: `uint8`, or floating-point numbers in [0, 1]; what lies outside is clipped.
        longest_side: In pixels.
    """
    picture = Image.fromarray(_to_uint8(image_3HW).permute(1, 2, 0).contiguous().cpu().numpy())
    picture.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS)
    file = BytesIO()
    kind = "png" if max(picture.size) <= SMALL else "jpeg"
    picture.save(file, kind, optimize=True, **({"quality": JPEG_QUALITY} if kind == "jpeg" else {}))
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _to_uint8(image_3HW: Tensor) -> Tensor:
    if image_3HW.dtype == torch.uint8:
        return image_3HW
    return (image_3HW.detach().float().clamp(0, 1) * 255).round().to(torch.uint8)
